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
		file: "domain/memory.go", old: "append(append(make(Seen, 0, len(s)+1), s...), f)", new: "append(s, f)",
		in: "domain", by: []string{"TestPlaybackIsPure"},
	},
	{
		name: "registers-by-arrival", cause: "rule 3", takes: "an older fact loses, in whatever order they come (playback)",
		file: "domain/playback.go", old: "if stamp, wins := f.over(r.Stamp); wins {", new: "if stamp := f.Stamp(); true {",
		in: "domain", by: []string{"TestAnyOrderOfDatedReportsGivesTheSamePlayback"},
	},
	{
		name: "opinions-by-arrival", cause: "rule 3", takes: "an older fact loses, in whatever order they come (feedback)",
		file: "domain/feedback.go", old: "stamp, wins := said.Head().over(register.Stamp)", new: "stamp, wins := said.Head().Stamp(), true",
		in: "domain", by: []string{"TestAnyOrderOfDatedOpinionsGivesTheSame"},
	},
	{
		name: "ties-by-arrival", cause: "rule 3", takes: "facts of one moment are ordered by their ids",
		file: "domain/fact.go", old: "bytes.Compare(s.ID[:], t.ID[:]) < 0", new: "bytes.Compare(s.ID[:], t.ID[:]) < -1",
		in: "domain", by: []string{"TestStampsAreATotalOrder", "TestAnyOrderOfDatedReportsGivesTheSamePlayback"},
	},
	{
		name: "no-ids-remembered", cause: "rule 3", takes: "a report without a place is known by its id when it comes again",
		file: "domain/playback.go", old: "return at, s.Seen.has(at.id)", new: "return at, false",
		in: "domain", by: []string{"TestPlaybackScenarios", "TestRetriedReportsChangeNothing", "TestARetryDoesNotUndo"},
	},
	{
		name: "no-places-remembered", cause: "rule 3", takes: "a report with a place is known by it when it comes again, under whatever id",
		file: "domain/session.go", old: "known = first <= sequence", new: "known = false",
		in: "domain", by: []string{"TestPlaybackScenarios", "TestRetriedReportsChangeNothing",
			"TestAPlaceIsAnIdentity"},
	},
	{
		name: "no-opinions-remembered", cause: "rule 3", takes: "what was said is known by its id when it comes again",
		file: "domain/feedback.go", old: "case s.Seen.has(FingerprintOfID(c.Head().ID)):", new: "case false:",
		in: "domain", by: []string{"TestFeedbackScenarios", "TestRetriedOpinionsChangeNothing"},
	},
	{
		name: "retried-opinion-written", cause: "rule 3", takes: "what comes again does not change the state either",
		file: "domain/feedback.go", old: "kind == 0 || s.Seen.has(id)", new: "kind == 0",
		in: "domain", by: []string{"TestRetriedOpinionsChangeNothing"},
	},
	{
		name: "ids-remembered-for-ever", cause: "rule 3", takes: "a state remembers the newest 1,000 ids and no more",
		file: "domain/memory.go", old: "if len(s) >= MaxSeen {", new: "if false {",
		in: "domain", by: []string{"TestRetryAfter999Others", "TestFeedbackRemembersTheNewestIDs"},
	},
	{
		name: "ids-forgotten-too-soon", cause: "rule 3", takes: "a retry after 999 other reports is known",
		file: "domain/memory.go", old: "s = s[len(s)-MaxSeen+1:]", new: "s = s[len(s)-MaxSeen+2:]",
		in: "domain", by: []string{"TestRetryAfter999Others", "TestFeedbackRemembersTheNewestIDs"},
	},
	{
		name: "fingerprint-of-half-an-id", cause: "rule 3", takes: "the fingerprint of an id is of all its bytes",
		file: "domain/memory.go", old: "return Fingerprint(scramble(h ^ binary.LittleEndian.Uint64(id[8:])))", new: "return Fingerprint(h)",
		in: "domain", by: []string{"TestFingerprintsAreFixed", "TestFingerprintsDiffer"},
	},
	{
		name: "sessions-remembered-for-ever", cause: "rule 3", takes: "of sessions beyond the newest 200 those are forgotten that nobody reports on",
		file: "domain/session.go", old: "for len(s) > MaxSessions {", new: "for false {",
		in: "domain", by: []string{"TestSessionsAreForgottenByLogOrder"},
	},
	{
		name: "only-the-newest-sessions", cause: "rule 3", takes: "a session that was reported on lately is remembered beside the newest 200",
		file: "domain/session.go", old: "if touched > reports-SessionReports {", new: "if false {",
		in: "domain", by: []string{"TestSessionsAreForgottenByLogOrder", "TestManyShortSessionsInterleaved"},
	},
	{
		name: "pieces-without-bound", cause: "rule 3", takes: "a state holds 4,096 pieces of sessions at most",
		file: "domain/session.go", old: "for s.pieces() > MaxPieces {", new: "for false {",
		in: "domain", by: []string{"TestPiecesAreBounded"},
	},
	{
		name: "thirty-two-pieces", cause: "rule 3", takes: "reports of a session may come in any order",
		file: "domain/session.go", old: "MaxPieces = 4_096", new: "MaxPieces = 32",
		in: "domain", by: []string{"TestEvenReportsFirst", "TestLongSessionsInAnyOrder",
			"TestManyShortSessionsInterleaved"},
	},
	{
		name: "undated-by-the-edges-clock", cause: "rule 3", takes: "without a client's time the order of the log decides, not the clocks of the edges",
		file: "domain/fact.go", old: "return old.after(f.ID), true", new: "return old, false",
		in: "domain", by: []string{"TestUndatedFactsOverARegister", "TestUndatedReportsStandInTheOrderOfTheLog",
			"TestUndatedOpinionsStandInTheOrderOfTheLog"},
	},
	{
		name: "undated-ignores-sequence", cause: "rule 3", takes: "two undated reports of one millisecond stand in the order of their sequence",
		file: "domain/fact.go", old: "case f.OccurredAt != 0, old.At == f.ReceivedAt && old.Sequence > 0 && f.Sequence > 0:", new: "case f.OccurredAt != 0:",
		in: "domain", by: []string{"TestUndatedFactsOverARegister"},
	},
	{
		name: "watched-time-added", cause: "rule 3", takes: "watched time is a set of intervals: stretches seen twice are counted twice",
		file: "domain/playback.go", old: "s.Watched.Union(watched...)", new: "append(slices.Clip(s.Watched), watched...)", needs: "slices",
		in: "domain", by: []string{"TestPlaybackScenarios", "TestAnyOrderOfDatedReportsGivesTheSamePlayback"},
	},
	{
		name: "watched-by-order-of-arrival", cause: "rule 3", takes: "a report is compared with the one after it as well, where that came first",
		file: "domain/session.go", old: "p.leads = first-1 == sequence", new: "p.leads = false",
		in: "domain", by: []string{"TestPlaybackScenarios", "TestAnyOrderOfDatedReportsGivesTheSamePlayback"},
	},
	{
		name: "gaps-close", cause: "rule 3", takes: "beyond the bound of stretches the shortest is forgotten: joining neighbours counts film that nobody saw",
		file: "domain/watched.go", old: "return slices.Delete(s, at, at+1)", new: "s[max(at, 1)-1].End = s[max(at, 1)].End\n\treturn slices.Delete(s, max(at, 1), max(at, 1)+1)",
		in: "domain", by: []string{"TestWatchedTimeIsNeverMoreThanWasWatched",
			"TestBeyondTheBoundTheShortestAreForgotten"},
	},
	{
		name: "rules-of-today", cause: "rule 3", takes: "a state is shown by the rules that decided it",
		file: "domain/rules.go", old: "if s.Rules != (PlaybackRules{}) {", new: "if false {",
		in: "domain", by: []string{"TestRulesChange", "TestStatesAndEventsAgreeAcrossRules"},
	},
	{
		name: "duplicates-decide", cause: "rule 3", takes: "a repeated report repeats the rules of the decision before it",
		file: "domain/playback.go", old: "shown := r.of(&s)", new: "shown := r",
		in: "domain", by: []string{"TestRulesChange", "TestStatesAndEventsAgreeAcrossRules"},
	},
	{
		name: "version-1-forgotten", cause: "rule 3", takes: "what a playback state of version 1 remembered is known today",
		file: "schemas/tables.go", old: "if s.Reports == 0 && c.err == nil {", new: "if false {",
		in: "schemas", by: []string{"TestPlaybackOfVersion1IsKnown", "TestRegistersOfVersion1AreKnown"},
	},
	{
		name: "opinions-of-version-1-forgotten", cause: "rule 3",
		takes: "what a feedback state of version 1 knew is known today",
		file:  "schemas/tables.go", old: "len(s.Seen) == 0", new: "false",
		in: "schemas", by: []string{"TestFeedbackOfVersion1IsKnown"},
	},
	{
		name: "edges-written-whole", cause: "rule 3", takes: "a piece that begins with its session writes one end alone",
		file: "schemas/sessions.go", old: "given := before != 0 && p.First.Sequence != 1", new: "given := true",
		in: "schemas", by: []string{"TestTableBytes"},
	},
	{
		name: "rules-not-written", cause: "rule 3", takes: "a stored state names the rules of its newest decision",
		file: "schemas/tables.go", old: "s.Rules == unsaidRules(s.Reports)", new: "true",
		in: "streams", by: []string{"TestPositionIsByTheRulesOfItsDecision"},
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
		file: "handlers/writing.go", old: "f.ReceivedAt = a.of(f.SentAt)", new: "_ = a",
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
