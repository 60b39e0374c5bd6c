// Adds the shards of cluster.json to the router where they are missing. Run by mongosh.
const cluster = JSON.parse(require("fs").readFileSync(__dirname + "/cluster.json", "utf8"));
const admin = new Mongo(`mongodb://${cluster.router}/?serverSelectionTimeoutMS=10000`).getDB("admin");

const listed = admin.runCommand({ listShards: 1 });
if (!listed.ok) throw new Error(listed.errmsg);
const known = new Set(listed.shards.map((s) => s._id));
for (const shard of cluster.shards) {
  if (known.has(shard.name)) {
    print(`${shard.name}: is there`);
    continue;
  }
  const added = admin.runCommand({ addShard: `${shard.name}/${shard.members.join(",")}`, name: shard.name });
  if (!added.ok) throw new Error(added.errmsg);
  print(`${shard.name}: added`);
}
