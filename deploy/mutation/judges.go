package main

// inJudges are the cures of what judges the service: the audit and the simulated viewers.
var inJudges = []mutation{
	{
		name: "letters-believed", cause: "judges", takes: "a dead letter is justified by its record, or by an earlier letter of its key",
		file: "deploy/audit/letters.go", old: "l.justified = err != nil || waiting[key]", new: "l.justified = true",
		in: "deploy/audit", by: []string{"TestLettersWithoutACauseAreDifferences", "TestViewsDoWithoutWhatIsJustified"},
	},
	{
		name: "release-not-seen", cause: "judges", takes: "a release ends the wait behind a dead letter",
		file: "deploy/audit/letters.go", old: "if r.Release {", new: "if false {",
		in: "deploy/audit", by: []string{"TestWhatEndsTheWaitBehindALetter"},
	},
	{
		name: "wait-without-end", cause: "judges", takes: "a later record that was processed ends the wait behind a dead letter",
		file: "deploy/audit/letters.go", old: "delete(waiting, key) // it was processed", new: "_ = key",
		in: "deploy/audit", by: []string{"TestWhatEndsTheWaitBehindALetter"},
	},
	{
		name: "letter-of-other-bytes", cause: "judges", takes: "a dead letter counts for the very record that it holds",
		file: "deploy/audit/letters.go", old: "return l.cut <= len(r.Value) && hashBytes(r.Value[:l.cut]) == l.hash", new: "return true",
		in: "deploy/audit", by: []string{"TestALetterOfAnotherRecordStandsForNothing"},
	},
	{
		name: "events-alike-are-one", cause: "judges", takes: "two events of one command are the same bytes",
		file: "deploy/audit/outcomes.go", old: "case o.bytes[i] == whole && o.texts[i] == hashText(text):", new: "case o.texts[i] == hashText(text):",
		in: "deploy/audit", by: []string{"TestEventsAgainstCommands"},
	},
	{
		name: "judged-by-the-rules-of-today", cause: "judges", takes: "an event is judged by the rules that it names",
		file: "deploy/audit/outcomes.go", old: "if i < int64(len(o.flags)) && o.flags[i]&emitted != 0 {", new: "if false {",
		in: "deploy/audit", by: []string{"TestEventsAreJudgedByTheRulesThatTheyName"},
	},
	{
		name: "not-compared-is-equal", cause: "judges", takes: "a derived view that could not be compared is reported",
		file: "deploy/audit/derived.go", old: "sh.Stored, true\n", new: "sh.Stored, false\n",
		in: "deploy/audit", by: []string{"TestDerivedViewsAreNotComparedWhileABatchIsWritten"},
	},
	{
		name: "progress-beyond-its-total", cause: "judges", takes: "what is folded beyond the snapshot is in the total of the progress",
		file: "deploy/audit/audit.go", old: "a.total += ends[p] - a.snapshot[s.Input.Name][p]", new: "a.total += 0",
		in: "deploy/audit", by: []string{"TestProgressStaysWithinItsTotal"},
	},
	{
		name: "view-without-a-check", cause: "judges", takes: "the audit refuses to run where the service has a view that it has no check for",
		file: "deploy/audit/lists.go", old: `lacks(view[v.Name], "view", v.Name)`, new: `lacks(true, "view", v.Name)`,
		in: "deploy/audit", by: []string{"TestNothingOfTheServiceIsWithoutACheck"},
	},
	{
		name: "viewers-forgive-a-retry", cause: "judges", takes: "of a report that is sent again after it was accepted the first record decides",
		file: "deploy/load/ledger.go", old: "} else if w := &out[i]; !w.certain {", new: "} else if w := &out[i]; true {",
		in: "deploy/load", by: []string{"TestTheFirstRecordOfAnIDDecides"},
	},
	{
		name: "viewers-see-a-retry-that-counts", cause: "judges", takes: "the viewers share no rule with the service: one that is broken there is a difference",
		file: "domain/session.go", old: "known = first <= sequence", new: "known = false",
		in: "deploy/load", by: []string{"TestAnHonestServiceShowsWhatItAccepted"},
	},
	{
		name: "displaced-always-believed", cause: "judges", takes: "a displaced command stands once more behind its place",
		file: "deploy/audit/displaced.go", old: "if c.id == id && (!id.IsZero() || bytes.Equal(c.value, value)) {", new: "if c.id != id || id.IsZero() || bytes.Equal(c.value, value) {",
		in: "deploy/audit", by: []string{"TestDisplacedCommandsStandOnceMore"},
	},
	{
		name: "displaced-judged-where-it-stands", cause: "judges", takes: "under an offset that was given twice the lost command was decided",
		file: "deploy/audit/displaced.go", old: "r.Key, r.Value = c.key, c.value\n", new: "",
		in: "deploy/audit", by: []string{"TestCommandsUnderOldOffsetsAreNoDifferences"},
	},
}
