package main

// inLetters are the cures of dead letters, which streams and projections share.
var inLetters = []mutation{
	{
		name: "letter-larger-than-a-record", cause: "rule 9", takes: "a dead letter fits into a record, however large the value that it is about",
		file: "schemas/letter.go", old: "if d.Value = whole.Value; len(d.Value) > room {", new: "if d.Value = whole.Value; false {",
		in: "schemas", by: []string{"TestLettersFitWhateverTheyAreAbout"},
	},
	{
		name: "letter-with-a-whole-key", cause: "rule 9", takes: "a dead letter fits into a record, however large the key that it is about",
		file: "schemas/letter.go", old: "if n := len(whole.Key); n > maxLetterKey {", new: "if n := len(whole.Key); n < 0 {",
		in: "streams", by: []string{"TestALetterFitsIntoARecord"},
	},
	{
		name: "letter-under-a-whole-key", cause: "rule 9", takes: "a dead letter's own key is short",
		file: "schemas/letter.go", old: "if n := len(whole.Key); n > maxLetterRecordKey {", new: "if n := len(whole.Key); n < 0 {",
		in: "schemas", by: []string{"TestLettersFitWhateverTheyAreAbout"},
	},
	{
		name: "letter-with-endless-headers", cause: "rule 9", takes: "a dead letter fits into a record, however large the headers that it is about",
		file: "schemas/letter.go", old: "size+n > maxLetterHeaderBytes {", new: "false {",
		in: "schemas", by: []string{"TestLettersSayWhatIsCut"},
	},
	{
		name: "letter-with-an-endless-message", cause: "rule 9", takes: "a dead letter fits into a record, however much its error repeats",
		file: "schemas/letter.go", old: "d.Message = boundedText(whole.Message, maxLetterMessage)", new: "d.Message = mend(whole.Message)",
		in: "schemas", by: []string{"TestLettersFitWhateverTheyAreAbout"},
	},
	{
		name: "letter-of-a-new-id-each-time", cause: "rule 9", takes: "a dead letter that is written again has the same id",
		file: "streams/letters.go", old: "schemas.NewDeadLetter(d, int64(in.origin.Version))", new: "schemas.NewDeadLetter(d, int64(run.clock()))",
		in: "streams", by: []string{"TestPoisonIsSetAsideAndHoldsUpItsKeyAlone"},
	},
	{
		name: "endless-text-quoted", cause: "rule 9", takes: "errors and log lines repeat a bounded part of what a record holds",
		file: "schemas/quote.go", old: "if len(text) <= maxQuoted {", new: "if true {",
		in: "schemas", by: []string{"TestQuoteBoundsWhatItRepeats"},
	},
	{
		name: "state-under-anybodys-key", cause: "rule 9", takes: "a key that can be nobody's leaves no state",
		file: "streams/letters.go", old: "if err = run.group.Input.CheckKey(in.key); err == nil {", new: "if err == nil {",
		in: "streams", by: []string{"TestHostileInputsAreSetAsideInBounds"},
	},
	{
		name: "headers-of-any-size-carried", cause: "rule 9", takes: "an event carries on no header that keeps it from fitting into a record",
		file: "streams/process.go", old: "ok && len(v) <= maxCarried", new: "ok",
		in: "streams", by: []string{"TestLargeHeadersOfACommandStayBehind"},
	},
	{
		name: "trace-of-any-size-carried", cause: "rule 9", takes: "an event carries on no trace that keeps it from fitting into a record",
		file: "streams/trace.go", old: "v := came[topics.HeaderTrace]; len(v) <= maxCarried {", new: "v := came[topics.HeaderTrace]; true {",
		in: "streams", by: []string{"TestLargeHeadersOfACommandStayBehind"},
	},
	{
		name: "anybodys-key-blocked", cause: "rule 9", takes: "a key that can be nobody's is remembered by no view",
		file: "projections/decode.go", old: "if stray != nil {", new: "if en.Key = key; false {",
		in: "projections", by: []string{"TestHostileEventsAreSetAsideInBounds"},
	},
	{
		name: "table-value-waits-behind-another", cause: "rule 9", takes: "the next value of a table makes good one that cannot be read",
		file: "projections/decode.go", old: "en := entry{raw: raw, alone: table}", new: "en := entry{raw: raw}",
		in: "projections", by: []string{"TestATablesNextValueMakesGoodABadOne"},
	},
	{
		name: "blocked-keys-read-with-each-batch", cause: "rule 9", takes: "all blocked keys are read once in a while, not with each batch",
		file: "projections/state.go", old: "if s.asked.After(then) {", new: "if false {",
		in: "projections", by: []string{"TestBlockedKeysAreReadOnceForManyBatches"},
	},
	{
		name: "headers-not-counted", cause: "rule 9", takes: "what an engine has in hand is bounded with its headers",
		file: "projections/queue.go", old: "n += len(en.raw.Headers[i].Key) + len(en.raw.Headers[i].Value) + headerBytes", new: "n += 0 * i",
		in: "projections", by: []string{"TestHeadersCountInABatch"},
	},
	{
		name: "unknown-id-is-final", cause: "rule 9", takes: "an id that the registry does not know yet is waited for",
		file: "schemas/writers.go", old: "case s.waited >= waitForID:", new: "case true:",
		in: "schemas", by: []string{"TestAnIDThatIsNotKnownYetIsWaitedFor"},
	},
	{
		name: "unknown-id-never-asked-again", cause: "rule 9", takes: "an id that was not known is asked for again",
		file: "schemas/writers.go", old: "if s.over && time.Since(s.asked) < askAgain {", new: "if s.over {",
		in: "schemas", by: []string{"TestAnIDThatComesLateIsKnownFromThenOn"},
	},
	{
		name: "unknown-id-asked-each-time", cause: "rule 9", takes: "an id that never comes is asked for once a second at most",
		file: "schemas/writers.go", old: "if s.over && time.Since(s.asked) < askAgain {", new: "if false {",
		in: "schemas", by: []string{"TestAnIDThatNeverComesIsWaitedForOnce"},
	},
	{
		name: "unknown-id-waited-for-without-end", cause: "rule 9", takes: "the wait for an id is bounded",
		file: "schemas/writers.go", old: "waitForID    = 10 * time.Second", new: "waitForID    = 10 * time.Hour",
		in: "schemas", by: []string{"TestAnIDThatNeverComesIsWaitedForOnce"},
	},
	{
		name: "each-unknown-id-waited-for", cause: "rule 9", takes: "ids that never come are not waited for each",
		file: "schemas/writers.go", old: "len(w.fruitless) == maxFruitless &&", new: "false &&",
		in: "schemas", by: []string{"TestManyIDsThatNeverComeAreNotWaitedForEach"},
	},
	{
		name: "impossible-id-asked-for", cause: "rule 9", takes: "an id that no registry gives is not asked for",
		file: "schemas/writers.go", old: "if id == 0 || id > math.MaxInt32 {", new: "if id > math.MaxInt32+math.MaxInt32 {",
		in: "schemas", by: []string{"TestIDsThatNoRegistryGivesAreNotAskedFor"},
	},
	{
		name: "end-held-up-by-an-id", cause: "rule 9", takes: "the wait for an id ends with the program",
		file: "schemas/writers.go", old: "case <-w.o.Stop:\n\t\treturn errStopped()", new: "case <-make(chan struct{}):\n\t\treturn errStopped()",
		in: "schemas", by: []string{"TestStopEndsTheWaitForAnID"},
	},
}
