package main

// inDamage takes out what notices full disks, damage at rest and lag, and what ends in order.
var inDamage = []mutation{
	{
		name: "refusing-log-is-sent-to", cause: "kfake-disk", takes: "nothing is sent to a log that is known to refuse",
		file: "transport/kafka/publisher.go", old: "case refused != nil:", new: "case refused != nil && false:",
		in: "transport/kafka", by: []string{"TestALogThatRefusesIsSentNothing"},
	},
	{
		name: "hang-up-kills", cause: "ends", takes: "SIGHUP is an orderly stop",
		file: "deploy/cli/cli.go", old: "signals = append(signals, syscall.SIGHUP)", new: "_ = signals",
		in: "deploy/cli", by: []string{"TestAHangUpAsksToStop"},
	},
	{
		name: "lag-as-last-seen", cause: "lag", takes: "the ends of the log are asked for when the lag is",
		file: "projections/lag.go", old: "e.measure(context.Background(), measuredWithin)", new: "_ = measuredWithin",
		in: "projections", by: []string{"TestLagIsNever0WhileRowsAreMissing"},
	},
	{
		name: "parts-set-aside-unseen", cause: "damage", takes: "parts that ClickHouse set aside are looked for",
		file: "projections/clickhouse/damage.go", old: "startsWith(ifNull(reason, ''), 'broken')", new: "0",
		in: "projections/clickhouse", by: []string{"TestDamagedPartsAreFound"},
	},
	{
		name: "damaged-file-an-error", cause: "damage", takes: "an SQLite file that is damaged is set aside and begun anew",
		file: "projections/sqlite/store.go", old: "if err == nil && o.Heal {", new: "if err == nil && false {",
		in: "projections/sqlite", by: []string{"TestAFileDamagedAtRestIsSetAsideAndBegunAnew"},
	},
	{
		name: "written-into-a-replaced-file", cause: "damage", takes: "nothing is written into an SQLite file that another process has replaced",
		file: "projections/sqlite/store.go", old: "if err := s.replaced(); err != nil {", new: "if err := error(nil); err != nil {",
		in: "projections/sqlite", by: []string{"TestNothingIsWrittenIntoAFileThatWasReplaced"},
	},
	{
		name: "copy-damaged-in-use-kept", cause: "damage", takes: "a table copy that is damaged in use is thrown away",
		file: "streams/store.go", old: "if s.useless.Load() || s.damaged.Load() {", new: "if s.useless.Load() {",
		in: "streams", by: []string{"TestACopyThatIsDamagedInUseIsThrownAway"},
	},
	{
		name: "journal-passed-over", cause: "damage", takes: "what is damaged in LevelDB's journal is not passed over",
		file: "streams/store.go", old: "Strict: opt.StrictAll,", new: "Strict: 0,",
		in: "streams", by: []string{"TestADamagedJournalIsNotPassedOver"},
	},
	{
		name: "whole-batches-cut-off", cause: "kfake-tails", takes: "damage with whole batches behind it is no torn tail",
		file: "deploy/embedded/broker/recover.go", old: "last = !behind", new: "_ = behind",
		in: "deploy/embedded/broker", by: []string{"TestDamageThatNoCrashExplainsIsRefused"},
	},
	{
		name: "orderly-log-not-verified", cause: "kfake-tails", takes: "a log that ended in order is compared with its checksums before kfake cuts it",
		file: "deploy/embedded/broker/recover.go", old: "if err := verifySegment(segmentPath(dir, base)); err != nil {", new: "if err := verifySegment(segmentPath(dir, base)); err != nil && false {",
		in: "deploy/embedded/broker", by: []string{"TestDamageThatNoCrashExplainsIsRefused"},
	},
	{
		name: "full-disk-mark-needs-space", cause: "engine-disk", takes: "the mark of distrust takes no space",
		file: "deploy/embedded/clickhouse/trust.go", old: "return err == nil && info.Size() == 0", new: "return err == nil && info.Size() < 0",
		in: "deploy/embedded/clickhouse", by: []string{"TestTrustIsLostWithoutSpaceForAMark"},
	},
}
