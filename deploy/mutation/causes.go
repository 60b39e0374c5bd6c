package main

// cause is what goes wrong when a cure is taken out: a broken rule of exactness, or a hazard that a library has as it comes.
type cause struct {
	id, says string
	never    string // why it cannot come back by a change of ours, where no mutation brings it back
}

var causes = []cause{
	{id: "rule 1", says: "Accepted means written: 2xx only after every replica in sync has it, once and in order"},
	{id: "rule 2", says: "Pure deciders: no clock, no randomness; the time of a fact is never later than its arrival"},
	{id: "rule 3",
		says: "Facts merge, they do not overwrite: any order gives the same state, and what comes again changes nothing"},
	{id: "rule 4", says: "One event per command, with the outbox in the value"},
	{id: "rule 5", says: "The greater offset wins, and a key that went back is healed"},
	{id: "rule 6", says: "Ordered commits: what is committed is a prefix of what is written"},
	{id: "rule 7", says: "Views are written by key and version, absolute values, never increments"},
	{id: "rule 8", says: "Watermark after effect: write, then watermark in the same store, then commit"},
	{id: "rule 9", says: "Nothing is dropped silently; a key waits behind its dead letter, a store that is down stalls"},
	{id: "place", says: "All keys of a user share a partition: one function, used by every client"},
	{id: "access", says: "A user's data is their own: another's is 403, and who is not known gets 401"},
	{id: "judges", says: "What judges the service believes nothing that the service says of itself"},

	{id: "goka-acks", says: "goka's producer asks the leader alone (acks=1)"},
	{id: "goka-newest", says: "a goka group without a commit starts at the newest record"},
	{id: "goka-tmp", says: "goka keeps its state below /tmp"},
	{id: "goka-flush", says: "goka's producer holds records for 100 ms"},
	{id: "goka-rebalance", says: "goka waits 5 s after each rebalance"},
	{id: "goka-retention", says: "goka makes streams that keep records for 1 h"},
	{id: "goka-decode", says: "a decode error ends goka's processor"},
	{id: "goka-nil", says: "goka drops records without a value, and commits them ahead of those before them"},
	{id: "goka-memory", says: "goka's in-memory storage is quadratic, and gone with the process"},
	{id: "goka-view", says: "a goka view ends when its broker dies, and comes back in steps of 10 s"},
	{id: "goka-topic", says: "goka's processor ends at a topic that a broker does not know yet"},
	{id: "goka-hasher", says: "goka negates a negative hash, other clients mask it"},
	{id: "watermill-newest", says: "watermill-kafka starts at the newest record"},
	{id: "watermill-blocking", says: "watermill-kafka publishes one blocking message at a time"},
	{id: "watermill-unacked", says: "watermill-kafka keeps one unacknowledged message per partition",
		never: "nothing that must be fast reads through watermill: the projections and the audit read batches with franz-go, and the subscriber says in its contract that it is for consumers of few messages"},
	{id: "watermill-key", says: "watermill-kafka sets no key"},
	{id: "fiber-buffers", says: "Fiber uses its buffers again after the handler returns"},

	{id: "sarama-stock", says: "sarama as it comes: not idempotent, 5 requests at once, gives up after 0.3 s, makes topics, times a slow fetch out"},
	{id: "kgo-stock", says: "franz-go as it comes: hung brokers are waited for, new leaders found late"},
	{id: "sarama-version", says: "sarama v1.46.3 with an idempotent producer doubles and loses records when a broker dies",
		never: "the version stands in go.mod, which an overlay does not reach; TestSaramaIsTheOneThatLosesNothing reads it"},
	{id: "transactions", says: "a transaction's marker at the end of a table hangs goka's recovery",
		never: "no client of ours has a transactional id: there is no setting or call to take out"},

	{id: "kfake-compaction", says: "kfake's compaction deletes files before it has written their successors, and knows no lag"},
	{id: "kfake-tails", says: "a torn tail of kfake's logs hides what is appended after it"},
	{id: "kfake-retention", says: "kfake's retention empties compacted topics, and an emptied partition starts again at 0"},
	{id: "kfake-repeats", says: "after a crash kfake has forgotten which writes it has seen"},
	{id: "kfake-disk", says: "kfake acknowledges what it could not store, and fills the disk"},
	{id: "engine-disk", says: "the embedded ClickHouse engine acknowledges and merges what a full disk did not take"},
	{id: "lost-ends", says: "commits, logs, tables and views that each lost an end of their own"},
	{id: "damage", says: "a file that was cut or changed: rows vanish, or every read fails for ever"},
	{id: "ends", says: "an end that is cut off, or waits for what cannot come"},
	{id: "lag", says: "a lag of 0 while rows are missing"},
	{id: "durability", says: "an answered INSERT that is in no file yet is lost with the machine"},
}
