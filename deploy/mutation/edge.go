package main

// inTokens are cures of what tokens, keys and the time of arrival promise.
var inTokens = []mutation{
	{
		name: "token-outgrows-headers", cause: "rule 1", takes: "a token fits into every proxy's headers",
		file: "domain/token.go", old: "MaxToken = 2047", new: "MaxToken = 4096",
		in: "domain", by: []string{"TestTokensAreShort"},
	},
	{
		name: "changed-token-taken", cause: "rule 8", takes: "a token that was cut or changed is refused",
		file: "domain/token.go", old: "in.bad || !fits || again != s", new: `in.bad || !fits || again == ""`,
		in: "domain", by: []string{"TestOtherTokensAreRefused"},
	},
	{
		name: "unnamed-movie-not-waited-for", cause: "rule 8", takes: "a summary waits for a token that does not name its movie",
		file: "projections/tokens.go", old: `view == handlers.ViewSummaries && m.Movie == ""`, new: "false",
		in: "projections", by: []string{"TestSummaryOfAMovieThatIsNotNamed"},
	},
	{
		name: "older-epoch-by-its-partition", cause: "rule 8", takes: "an older epoch's token waits for all that was restored",
		file: "projections/tokens.go", old: "ends, err = t.asker.atFirst(ctx, topic)", new: "ends = Offsets{m.Partition: 1}",
		in: "projections", by: []string{"TestTokensOfAnOlderEpoch"},
	},
	{
		name: "older-epoch-waits-for-the-newest", cause: "rule 8", takes: "an older epoch's token waits for nothing newer",
		file: "projections/tokens.go", old: "t.asker.atFirst(ctx, topic)", new: "t.asker.endsOf(ctx, topic)",
		in: "projections", by: []string{"TestTokensOfAnOlderEpoch"},
	},
	{
		name: "future-epoch-waited-for", cause: "rule 8", takes: "a token of a greater epoch is refused",
		file: "projections/tokens.go", old: "epoch > t.epoch {", new: "false {",
		in: "projections", by: []string{"TestTokensThatNoLogHolds"},
	},
	{
		name: "version-beyond-the-end", cause: "rule 8", takes: "a version beyond the end of the log is refused",
		file: "projections/tokens.go", old: "case is < end:", new: "case is < 0:",
		in: "projections", by: []string{"TestTokensThatNoLogHolds"},
	},
	{
		name: "end-not-asked-again", cause: "rule 8", takes: "the end is asked for again before a token is refused",
		file: "projections/tokens.go", old: "ends, err := t.asker.endsOf(ctx, m.Topic)", new: "ends, err := t.asker.atFirst(ctx, m.Topic)",
		in: "projections", by: []string{"TestTokenThatAnotherEdgeMadeAMomentAgo"},
	},
	{
		name: "set-aside-waited-for", cause: "rule 8", takes: "a command that made no event is not waited for in its view",
		file: "projections/tokens.go", old: "if err == nil || !late {", new: "if err == nil || late {",
		in: "projections", by: []string{"TestTokenOfACommandThatWasSetAside"},
	},
	{
		name: "waiters-ask-alone", cause: "rule 8", takes: "all who wait for a view ask its store once",
		file: "projections/shared.go", old: "if s.asking == nil && s.asked.After(since) {", new: "if false {",
		in: "projections", by: []string{"TestManyWaitersShareTheirQuestions"},
	},
	{
		name: "bad-token-is-lateness", cause: "rule 8", takes: "a token that the log does not have is the client's fault",
		file: "handlers/reading.go", old: "if errors.Is(err, domain.ErrToken) {", new: "if false {",
		in: "transport/http", by: []string{"TestTokensThatTheLogDoesNotHold"},
	},
	{
		name: "preference-applied-unasked", cause: "rule 8", takes: "Preference-Applied is said only where a view was waited for",
		file: "handlers/reading.go", old: "&& s.Views.Concerns(view, a.Token) {", new: "{",
		in: "transport/http", by: []string{"TestPreferenceAppliedWhereTheReadWaited"},
	},
	{
		name: "batch-in-disorder", cause: "rule 3", takes: "the reports of a session are written in sequence",
		file: "handlers/sequence.go", old: "if sorted(commands) {", new: "if true {",
		in: "handlers", by: []string{"TestBatchIsWrittenInSequence", "TestBatchInSequenceProperty"},
	},
	{
		name: "receipts-in-disorder", cause: "rule 1", takes: "each report of a batch gets its own answer",
		file: "handlers/record_events.go", old: "receipts[order[i]] = r", new: "receipts[i] = r",
		in: "handlers", by: []string{"TestBatchIsWrittenInSequence"},
	},
	{
		name: "body-counts-as-arrival", cause: "rule 2", takes: "a request arrives with its first bytes",
		file: "transport/http/arrival.go", old: "c.first.CompareAndSwap(0, now)", new: "c.first.Store(now)",
		in: "transport/http", by: []string{"TestRequestArrivesWithItsFirstBytes"},
	},
	{
		name: "kept-connection-keeps-arrival", cause: "rule 2", takes: "each request of a connection has its own arrival",
		file: "transport/http/arrival.go", old: "func (c *arriving) next() { c.first.Store(0) }", new: "func (c *arriving) next() {}",
		in: "transport/http", by: []string{"TestRequestArrivesWithItsFirstBytes"},
	},
	{
		name: "stall-shifts-facts", cause: "rule 2", takes: "a report that was sent while the process stood still arrived then",
		file: "handlers/arrival.go", old: "if sent != 0 && sent >= a.earliest && sent < a.at {", new: "if false {",
		in: "handlers", by: []string{"TestReportSentDuringAStallArrivedThen"},
	},
	{
		name: "stall-not-noticed-yet", cause: "rule 2", takes: "a request that is read before the watch has run knows of the stall",
		file: "handlers/arrival.go", old: "case s.tick != 0 && at-s.tick > leastStall:", new: "case false:",
		in: "handlers", by: []string{"TestReportSentDuringAStallArrivedThen"},
	},
	{
		name: "keys-of-all-users", cause: "rule 1", takes: "two users' equal keys name two reports",
		file: "transport/http/v2/idempotency.go", old: `domain.NamedID(keySpace, user+"/"+key)`, new: "domain.NamedID(keySpace, key)",
		in: "transport/http", by: []string{"TestIdempotencyKeyNamesTheReport"},
	},
	{
		name: "key-and-id-differ", cause: "rule 1", takes: "a key and an event_id that differ are refused",
		file: "transport/http/v2/idempotency.go", old: "if !e.fact.ID.IsZero() && e.fact.ID != id {", new: "if false {",
		in: "transport/http", by: []string{"TestIdempotencyKeyAndEventID"},
	},
	{
		name: "key-of-another-request", cause: "rule 1", takes: "a key that was used for another request is refused",
		file: "transport/http/v2/idempotency.go", old: "ok && u.uses[i].request != use.request", new: "ok && u.uses[i].request > use.request && u.uses[i].request < use.request",
		in: "transport/http", by: []string{"TestIdempotencyKeyUsedAgain"},
	},
	{
		name: "key-of-a-failed-write", cause: "rule 1", takes: "a write that failed does not use its key up",
		file: "transport/http/v2/idempotency.go", old: "return err == nil || domain.KindOf(err) == domain.Uncertain", new: "return true",
		in: "transport/http", by: []string{"TestIdempotencyKeyOfAWriteThatFailed"},
	},
	{
		name: "later-than-stores-keep", cause: "rule 7", takes: "a time that a store cannot keep is refused",
		file: "transport/http/v2/event.go", old: "ms > domain.LastInstant", new: "ms > domain.MaxInstant",
		in: "transport/http", by: []string{"TestSingleEventFaults"},
	},
}
