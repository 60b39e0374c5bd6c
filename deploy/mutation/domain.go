package main

var inDomain = []mutation{
	{
		name: "decider-reads-a-clock", cause: "rule 2", takes: "a fact without a time is as old as its arrival: the clock is read in its place",
		file: "domain/fact.go", old: "== 0 {\n\t\treturn f.ReceivedAt", new: "== 0 {\n\t\treturn Instant(time.Now().UnixMilli())", needs: "time",
		in: "domain", by: []string{"TestTheTimeOfAFact", "TestPlaybackIsPure"},
	},
	{
		name: "fact-from-the-future", cause: "rule 2", takes: "the time of a fact is no later than its arrival",
		file: "domain/fact.go", old: "max(1, min(at, f.ReceivedAt))", new: "max(1, at)",
		in: "domain", by: []string{"TestTheTimeOfAFact", "TestTheTimeOfAFactIsNeverAfterItsArrival"},
	},
	{
		name: "client-clock-believed", cause: "rule 2", takes: "the error of the client's clock, which sent_at tells, is taken out",
		file: "domain/fact.go", old: "at += f.ReceivedAt - f.SentAt", new: "at += 0",
		in: "domain", by: []string{"TestTheTimeOfAFact"},
	},
	{
		name: "decider-changes-its-argument", cause: "rule 2", takes: "remembering an id copies the old state's array",
		file: "domain/playback.go", old: "append(append(make([]ID, 0, len(old)+1), old...), id)", new: "append(old, id)",
		in: "domain", by: []string{"TestPlaybackIsPure"},
	},
	{
		name: "registers-by-arrival", cause: "rule 3", takes: "an older fact loses, in whatever order they come (playback)",
		file: "domain/playback.go", old: "if r.Stamp.Before(s) {", new: "if true {",
		in: "domain", by: []string{"TestAnyOrderAndRepetitionGivesTheSamePlayback"},
	},
	{
		name: "opinions-by-arrival", cause: "rule 3", takes: "an older fact loses, in whatever order they come (feedback)",
		file: "domain/feedback.go", old: "if register == nil || !register.Stamp.Before(e.Head().Stamp()) {", new: "if register == nil {",
		in: "domain", by: []string{"TestAnyOrderAndRepetitionGivesTheSameOpinions"},
	},
	{
		name: "ties-by-arrival", cause: "rule 3", takes: "facts of one moment are ordered by their ids",
		file: "domain/fact.go", old: "bytes.Compare(s.ID[:], t.ID[:]) < 0", new: "bytes.Compare(s.ID[:], t.ID[:]) < -1",
		in: "domain", by: []string{"TestStampsAreATotalOrder", "TestAnyOrderAndRepetitionGivesTheSamePlayback"},
	},
	{
		name: "no-ids-remembered", cause: "rule 3", takes: "a state knows the reports that it has added to a sum",
		file: "domain/playback.go", old: "if s.Remembered[i] == id {", new: "if false {",
		in: "domain", by: []string{"TestPlaybackScenarios", "TestAnyOrderAndRepetitionGivesTheSamePlayback"},
	},
	{
		name: "ids-remembered-for-ever", cause: "rule 3", takes: "a state remembers the last 64 ids and no more",
		file: "domain/playback.go", old: "if len(old) >= MaxRemembered {", new: "if false {",
		in: "domain", by: []string{"TestStatesAreBounded"},
	},
	{
		name: "repeated-report-looks-newer", cause: "rule 3", takes: "a report without a time is known by its id when it comes again",
		file: "domain/playback.go", old: "case c.OccurredAt == 0:", new: "case false:",
		in: "domain", by: []string{"TestARepeatedReportWithoutATimeMovesNothingBack"},
	},
	{
		name: "watched-time-added", cause: "rule 3", takes: "watched time is a set of intervals: stretches seen twice are counted twice",
		file: "domain/playback.go", old: "s.Watched.Union(watched...)", new: "append(slices.Clip(s.Watched), watched...)",
		in: "domain", by: []string{"TestPlaybackScenarios", "TestAnyOrderAndRepetitionGivesTheSamePlayback"},
	},
	{
		name: "watched-by-order-of-arrival", cause: "rule 3", takes: "a report is compared with the one after it as well, where that came first",
		file: "domain/session.go", old: "case run.First.Sequence == e.Sequence+1:", new: "case false:",
		in: "domain", by: []string{"TestPlaybackScenarios", "TestAnyOrderAndRepetitionGivesTheSamePlayback"},
	},
	{
		name: "near-start-erases-resume", cause: "rule 3", takes: "a report near the start leaves the resume point alone",
		file: "domain/playback.go", old: "if r.qualifies(c) {", new: "if true {",
		in: "domain", by: []string{"TestPlaybackScenarios"},
	},
	{
		name: "movie-folded-twice", cause: "rule 7", takes: "a movie knows by partition and version what it has folded",
		file: "domain/movie.go", old: "if found && s.Folded[i].Version >= origin.Version {", new: "if false {",
		in: "domain", by: []string{"TestFoldMovie", "TestASummaryIsWhatARecountGives"},
	},
	{
		name: "summary-only-adds", cause: "rule 7", takes: "what an opinion was before is taken out of the movie's summary",
		file: "domain/movie.go", old: "s.Summary.add(c.Before, -1)", new: "s.Summary.add(c.Before, 0)",
		in: "domain", by: []string{"TestASummaryIsWhatARecountGives"},
	},
	{
		name: "whole-key-partitions", cause: "place", takes: "the movie's part of a key does not count, so that a user has one partition",
		file: "domain/partition.go", old: "i < len(key) && key[i] != '/'", new: "i < len(key)",
		in: "domain", by: []string{"TestPartitionGolden", "TestEveryLibraryAgreesOnThePartition"},
	},
	{
		name: "no-partition-mask", cause: "place", takes: "the highest bit of a hash does not count",
		file: "domain/partition.go", old: "int32(h&0x7fffffff) % n", new: "int32(h) % n",
		in: "domain", by: []string{"TestPartitionGolden", "TestEveryLibraryAgreesOnThePartition"},
	},
	{
		name: "no-hasher-mask", cause: "goka-hasher", takes: "the hash that libraries are given never has the highest bit",
		file: "domain/partition.go", old: "return h.sum.Sum32() & 0x7fffffff", new: "return h.sum.Sum32()",
		in: "domain", by: []string{"TestEveryLibraryAgreesOnThePartition", "TestKeyHasherInPiecesAndAgain"},
	},
	{
		name: "versions-run-back", cause: "rule 5", takes: "a version begins with the epoch of its topics",
		file: "domain/fact.go", old: "Version(int64(epoch)<<offsetBits + offset)", new: "Version(offset)",
		in: "domain", by: []string{"TestVersions"},
	},
}

var inHandlers = []mutation{
	{
		name: "failed-write-accepted", cause: "rule 1", takes: "a command that was not written is no success",
		file: "handlers/writing.go", old: "if r.Err != nil {", new: "if false {",
		in: "handlers", by: []string{"TestWriteThatIsRefusedIsAnError"},
	},
	{
		name: "failed-item-accepted", cause: "rule 1", takes: "a command of a batch that was not written is no success",
		file: "handlers/record_events.go", old: "r.Outcomes[i].Err = receipt.Err", new: "r.Outcomes[i].Err = nil",
		in: "handlers", by: []string{"TestRecordEventsWritesTheValidOnes"},
	},
	{
		name: "arrival-not-stamped", cause: "rule 2", takes: "the edge stamps the time of arrival, whatever the client says",
		file: "handlers/writing.go", old: "f.ReceivedAt = now", new: "_ = now",
		in: "handlers", by: []string{"TestSingleWrites", "TestRecordEventsWritesTheValidOnes"},
	},
	{
		name: "feedback-names-no-movie", cause: "rule 1", takes: "the token of feedback names its movies, so that their summaries are waited for",
		file: "handlers/writing.go", old: "r.Mark.Movie = f.Head().Movie", new: "_ = f",
		in: "handlers", by: []string{"TestTheTokenOfABatchNamesTheMoviesOfItsFeedback"},
	},
	{
		name: "read-does-not-wait", cause: "rule 8", takes: "a read waits until its view shows the write that its token names",
		file: "handlers/reading.go", old: "err := s.Views.Wait(ctx, view, a.Token)", new: "var err error",
		in: "handlers", by: []string{"TestReadsWaitForTheTokenAndSaySoWhenItIsNotVisible"},
	},
}
