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
}
