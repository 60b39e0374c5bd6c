package main

var inBroker = []mutation{
	{
		name: "kfake-compacts-by-itself", cause: "kfake-compaction", takes: "kfake's own cleaner never runs",
		file: "deploy/embedded/broker/broker.go", old: `"log.cleaner.backoff.ms": "3153600000000",`, new: `"log.cleaner.backoff.ms": "1",`,
		in: "deploy/embedded/broker", by: []string{"TestTheBrokerNeitherCompactsNorForgetsByItself"},
	},
	{
		name: "swap-before-the-copy", cause: "kfake-compaction", takes: "a compacted partition counts once it is written whole",
		file: "deploy/embedded/broker/compact.go", old: "w := &segmentWriter{dir: dir, log: newLog(old)}", new: "w := &segmentWriter{dir: dir, log: newLog(old)}\n\tif err := commitSwap(c.dir); err != nil {\n\t\treturn err\n\t}",
		in: "deploy/embedded/broker", by: []string{"TestACopyIsReadyOnceItIsWhole"},
	},
	{
		name: "half-a-copy-counts", cause: "kfake-compaction", takes: "a copy that is not whole is thrown away at the start",
		file: "deploy/embedded/broker/swap.go", old: "if there(filepath.Join(swapNew(dir), swapReady)) {", new: "if there(swapNew(dir)) {",
		in: "deploy/embedded/broker", by: []string{"TestKilledInMidCompactionLosesNoKey"},
	},
	{
		name: "swap-not-finished", cause: "kfake-compaction", takes: "a swap that was under way is finished or undone at the start",
		file: "deploy/embedded/broker/recover.go", old: "if err := settleSwap(dir); err != nil {", new: "if err := error(nil); err != nil {",
		in: "deploy/embedded/broker", by: []string{"TestKilledInMidCompactionLosesNoKey"},
	},
	{
		name: "oldest-record-kept", cause: "kfake-compaction", takes: "compaction keeps the newest record of each key",
		file: "deploy/embedded/broker/compact.go", old: "c.superseded++\n\t\t\t}", new: "c.superseded++\n\t\t\t\treturn nil\n\t\t\t}",
		in: "deploy/embedded/broker", by: []string{"TestCompactionKeepsTheNewestOfEachKey"},
	},
	{
		name: "compacted-at-once", cause: "kfake-compaction", takes: "a superseded record stays for min.compaction.lag.ms",
		file: "deploy/embedded/broker/recover.go", old: "now: r.opts.now(), lag: lag,", new: "now: r.opts.now(), lag: 0 * lag,",
		in: "deploy/embedded/broker", by: []string{"TestCompactionLeavesAlone"},
	},
	{
		name: "torn-groups-log", cause: "kfake-tails", takes: "the torn tail of groups.log is cut off",
		file: "deploy/embedded/broker/recover.go", old: `{"groups.log", "pids.log"}`, new: `{"pids.log"}`,
		in: "deploy/embedded/broker", by: []string{"TestTornTailsAreCutOffAndWhatFollowsIsKept"},
	},
	{
		name: "torn-segment", cause: "kfake-tails", takes: "the torn tail of a segment is cut off",
		file: "deploy/embedded/broker/recover.go", old: "return cut(path, valid)", new: "return true, nil",
		in: "deploy/embedded/broker", by: []string{"TestTornTailsAreCutOffAndWhatFollowsIsKept", "TestTruncatedTailsLoseNoMoreThanTheLastWrite"},
	},
	{
		name: "damage-cut-off-silently", cause: "kfake-tails", takes: "damage that no crash explains is refused",
		file: "deploy/embedded/broker/recover.go", old: "if !last {", new: "if false {",
		in: "deploy/embedded/broker", by: []string{"TestDamageThatNoCrashExplainsIsRefused"},
	},
	{
		name: "emptied-log-starts-at-0", cause: "kfake-retention", takes: "an emptied log goes on where it was",
		file: "deploy/embedded/broker/recover.go", old: "return keepOffsets(dir, snap)", new: "return nil",
		in: "deploy/embedded/broker", by: []string{"TestAnEmptiedLogGoesOnWhereItWas"},
	},
	{
		name: "compacted-topics-expire", cause: "kfake-retention", takes: "compacted topics never expire",
		file: "deploy/embedded/broker/watch.go", old: `!t.policy("delete") || !t.limited()`, new: `!t.limited()`,
		in: "deploy/embedded/broker", by: []string{"TestExpiredSegmentsGoAndTheLastStays"},
	},
	{
		name: "topics-forget-by-default", cause: "kfake-retention", takes: "a topic that does not say how long keeps for ever",
		file: "deploy/embedded/broker/broker.go", old: `"log.retention.ms": "-1",`, new: `"log.retention.ms": "604800000",`,
		in: "deploy/embedded/broker", by: []string{"TestTheBrokerNeitherCompactsNorForgetsByItself"},
	},
	{
		name: "writers-forgotten", cause: "kfake-repeats", takes: "what producers have written is read back from the logs",
		file: "deploy/embedded/broker/recover.go", old: "r.remember(t.Name, p, b)\n", new: "",
		in: "deploy/embedded/broker", by: []string{"TestARepeatedBatchIsKnownAfterACrash"},
	},
	{
		name: "disk-filled", cause: "kfake-disk", takes: "nothing is taken while the disk is nearly full",
		file: "deploy/embedded/broker/watch.go", old: "case free < b.opts.Reserve:", new: "case free < 0:",
		in: "deploy/embedded/broker", by: []string{"TestAFullDiskRefusesWritesUntilThereIsSpace"},
	},
	{
		name: "failed-write-taken-for-done", cause: "kfake-disk", takes: "a write that failed ends the broker",
		file: "deploy/embedded/broker/guard.go", old: `strings.HasPrefix(msg, "persist ")`, new: `strings.HasPrefix(msg, "never ")`,
		in: "deploy/embedded/broker", by: []string{"TestAWriteThatFailsIsNotAcknowledgedAndEndsTheBroker"},
	},
	{
		name: "full-disk-not-seen", cause: "engine-disk", takes: "the engine ends before the last bytes are gone",
		file: "deploy/embedded/clickhouse/trust.go", old: "free >= leastFree {", new: "free >= 0 {",
		in: "deploy/embedded/clickhouse", by: []string{"TestAFullDiskEndsTheEngine"},
	},
	{
		name: "full-disk-trusted", cause: "engine-disk", takes: "what was stored while the disk was full is thrown away",
		file: "deploy/embedded/clickhouse/trust.go", old: `filepath.Join(dir, "store")); err`, new: `filepath.Join(dir, "nothing")); err`,
		in: "deploy/embedded/clickhouse", by: []string{"TestAFullDiskEndsTheEngine"},
	},
	{
		name: "deleted-topic-comes-back", cause: "kfake-tails", takes: "records of a deleted topic are gone",
		file: "deploy/embedded/broker/recover.go", old: "if err := os.RemoveAll(filepath.Join(root, e.Name())); err != nil {", new: "if err := error(nil); err != nil {",
		in: "deploy/embedded/broker", by: []string{"TestADeletedTopicDoesNotComeBackInItsNamesake"},
	},
}

var inDeploy = []mutation{
	{
		name: "tables-compacted-at-once", cause: "rule 5", takes: "younger records of a table than a day are never compacted away",
		file: "deploy/topics.go", old: `s["min.compaction.lag.ms"] = milliseconds(compactionLag)`, new: "_ = compactionLag",
		in: "deploy", by: []string{"TestTopicsKeepWhatExactnessNeeds"},
	},
	{
		name: "one-disk-is-enough", cause: "rule 1", takes: "acks=all means two replicas at least, where there are three",
		file: "deploy/topics.go", old: `s["min.insync.replicas"] = "2"`, new: `s["min.insync.replicas"] = "1"`,
		in: "deploy", by: []string{"TestTopicsKeepWhatExactnessNeeds"},
	},
	{
		name: "streams-kept-for-an-hour", cause: "goka-retention", takes: "commands and events are kept for ever",
		file: "deploy/topics.go", old: "default:\n\t\ts[\"cleanup.policy\"], s[\"retention.ms\"] = \"delete\", \"-1\"", new: "default:\n\t\ts[\"cleanup.policy\"], s[\"retention.ms\"] = \"delete\", milliseconds(time.Hour)",
		in: "deploy", by: []string{"TestTopicsKeepWhatExactnessNeeds"},
	},
}
