// Makes the replica sets of cluster.json where they are not there yet, and waits until each has a primary. Run by mongosh.
const cluster = JSON.parse(require("fs").readFileSync(__dirname + "/cluster.json", "utf8"));

const alreadyInitialized = 23;
const notYetInitialized = 94;

function initiate(set) {
  const admin = new Mongo(`mongodb://${set.members[0]}/?directConnection=true&serverSelectionTimeoutMS=10000`).getDB("admin");
  const config = { _id: set.name, members: set.members.map((host, _id) => ({ _id, host })) };
  if (set.configsvr) config.configsvr = true;
  try {
    const status = admin.runCommand({ replSetGetStatus: 1 });
    if (status.code !== undefined && status.code !== notYetInitialized) throw new Error(status.errmsg);
    if (status.ok) return print(`${set.name}: is there`);
  } catch (e) {
    if (e.code !== notYetInitialized) throw e;
  }
  try {
    const made = admin.runCommand({ replSetInitiate: config });
    if (!made.ok && made.code !== alreadyInitialized) throw new Error(made.errmsg);
  } catch (e) {
    if (e.code !== alreadyInitialized) throw e;
  }
  for (let i = 0; i < 120; i++) {
    if (admin.hello().isWritablePrimary || admin.hello().primary) return print(`${set.name}: made`);
    sleep(500);
  }
  throw new Error(`${set.name} has no primary after a minute`);
}

[cluster.config, ...cluster.shards].forEach(initiate);
