package main

// inConsistency are the cures against logs, tables, commits and views that lost ends of their own.
var inConsistency = []mutation{
	{
		name: "commit-believed", cause: "lost-ends", takes: "a commit that is ahead of its table is no reason to leave inputs out",
		file: "streams/consistency.go", old: "case s.commit <= known:", new: "case s.commit >= 0:",
		in: "streams", by: []string{"TestALostTableOfMoviesIsFoldedAgain"},
	},
	{
		name: "gap-folded-in-silence", cause: "lost-ends", takes: "inputs that are gone stop their group",
		file: "streams/consistency.go", old: "if s.mark == domain.NoVersion && s.input.first > 0 || known < s.input.first {", new: "if false {",
		in: "streams", by: []string{"TestAGapInAnInputStopsTheGroup"},
	},
	{
		name: "back-at-every-start", cause: "lost-ends", takes: "inputs that leave no state may stand between the table and the commit",
		file: "streams/consistency.go", old: "return !state, err", new: "return false, err",
		in: "streams", by: []string{"TestInputsWithoutAStateAreNotProcessedAgain"},
	},
	{
		name: "lost-commands-left", cause: "lost-ends", takes: "commands that were decided are written back to the log",
		file: "streams/lost.go", old: "if err := s.writeBack(ctx, known); err != nil {", new: "if err := error(nil); err != nil {",
		in: "streams", by: []string{"TestEndsThatAPowerCutTookAreMadeGood/commands"},
	},
	{
		name: "displaced-commands-swallowed", cause: "lost-ends", takes: "a command under an offset that was decided is appended again",
		file: "streams/lost.go", old: "if err == nil && id != d.id {", new: "if err == nil && id != d.id && false {",
		in: "streams", by: []string{"TestCommandsUnderOldOffsetsAreDecidedBehindTheOldEnd"},
	},
	{
		name: "lost-events-left", cause: "lost-ends", takes: "events that the table knows of are written again",
		file: "streams/remade.go", old: "if s.mark <= s.event {", new: "if true {",
		in: "streams", by: []string{"TestEndsThatAPowerCutTookAreMadeGood/events"},
	},
	{
		name: "movies-not-filled", cause: "lost-ends", takes: "the movies' input is filled again from the events",
		file: "streams/passon.go", old: "if !lacks {", new: "if true {",
		in: "streams", by: []string{"TestAGapInAnInputStopsTheGroup"},
	},
	{
		name: "view-goes-on-blindly", cause: "lost-ends", takes: "a view goes back where the log is not what it has seen",
		file: "projections/compare.go", old: "if newest <= w.Version {", new: "if true {",
		in: "projections", by: []string{"TestAViewGoesBackWhereTheLogIsNotWhatItHasSeen"},
	},
	{
		name: "unclean-leaders", cause: "lost-ends", takes: "no replica that was behind becomes the leader",
		file: "deploy/topics.go", old: `"unclean.leader.election.enable": "false",`, new: "",
		in: "deploy", by: []string{"TestTopicsKeepWhatExactnessNeeds"},
	},
	{
		name: "expired-not-told", cause: "lost-ends", takes: "a topic whose records have expired is told, and not mended in silence",
		file: "transport/kafka/topics.go", old: "if err != nil || !gone {", new: "if err != nil || !gone || true {",
		in: "transport/kafka", by: []string{"TestEnsureTopicsRaisesARetentionThatLostNothing"},
	},
	{
		name: "misplaced-decided", cause: "rule 3", takes: "what lay where it does not belong is set aside again, also in a single partition",
		file: "deploy/archive/restore.go", old: "k.Key = nil\n", new: "_ = k\n",
		in: "deploy/archive", by: []string{"TestWhatLayWhereItDoesNotBelongIsSetAsideAgain"},
	},
}
