package main

var inProjections = []mutation{
	{
		name: "watermark-before-write", cause: "rule 8", takes: "the view is written before its watermark",
		file: "projections/apply.go", old: "rejected, err := e.write(ctx, work, records)",
		new: "early := e.sink(func(ctx context.Context, s Sink) error { return s.Advance(ctx, marksOf(batch)) })\n\t\tif err := e.persistWithin(ctx, work, \"advance\", early); err != nil {\n\t\t\treturn err\n\t\t}\n\t\trejected, err := e.write(ctx, work, records)",
		in:  "projections", by: []string{"TestEffectsHappenInOrder", "TestDeathAfterEachEffect"},
	},
	{
		name: "commit-before-write", cause: "rule 8", takes: "offsets are committed after the watermark is stored",
		file: "projections/apply.go", old: "rejected, err := e.write(ctx, work, records)",
		new: "e.client.MarkCommitOffsets(e.offsets(marksOf(batch)))\n\t\trejected, err := e.write(ctx, work, records)",
		in:  "projections", by: []string{"TestNothingIsCommittedThatTheStoreDoesNotKnow"},
	},
	{
		name: "goes-on-from-the-group", cause: "rule 8", takes: "a projection goes on from the store's watermark, not from the group's offset",
		file: "projections/assign.go", old: "adjusted[topic][p] = resumes[p].at", new: "adjusted[topic][p] = partitions[p]",
		in: "projections", by: []string{"TestAStoreThatWasLostIsFilledAgain"},
	},
	{
		name: "shown-before-stored", cause: "rule 8", takes: "readers are told when the store has the watermark",
		file: "projections/apply.go", old: "e.state.begin(batch)", new: "e.state.begin(batch)\n\te.shown(batch, marksOf(batch))",
		in: "projections", by: []string{"TestReadersAreToldOnceTheStoreHasTheWatermark"},
	},
	{
		name: "lost-log-passed-over", cause: "rule 8", takes: "a log that does not hold what the view needs next is a fault",
		file: "projections/engine.go", old: "reset := kgo.NoResetOffset()", new: "reset := kgo.NewOffset().AtStart()",
		in: "projections", by: []string{"TestALogThatLostItsEndIsSaid"},
	},
	{
		name: "projection-drops-letters", cause: "rule 9", takes: "what a view cannot apply goes to the dead letters",
		file: "projections/apply.go", old: "letters = append(letters, e.letter(en))", new: "_ = e.letter(en)",
		in: "projections", by: []string{"TestRecordsOfAKeyWaitBehindABadOne"},
	},
	{
		name: "view-goes-on-past-a-letter", cause: "rule 9", takes: "later records of a key wait behind the one that could not be applied",
		file: "projections/state.go", old: "if en.refused == nil && s.isBlocked(en) {", new: "if false {",
		in: "projections", by: []string{"TestRecordsOfAKeyWaitBehindABadOne"},
	},
	{
		name: "blocked-keys-forgotten", cause: "rule 9", takes: "blocked keys are kept in the store",
		file: "projections/apply.go", old: "if err := s.Block(ctx, keys); err != nil {", new: "if err := ctx.Err(); err != nil {",
		in: "projections", by: []string{"TestEffectsHappenInOrder", "TestRecordsOfAKeyWaitBehindABadOne"},
	},
	{
		name: "letters-not-waited-for", cause: "rule 9", takes: "a dead letter is written before anything says that its record was passed over",
		file: "projections/apply.go", old: "return e.o.DeadLetters.Send(ctx, letters) }", new: "_ = e.o.DeadLetters.Send(ctx, letters); return nil }",
		in: "projections", by: []string{"TestDeadLettersThatCannotBeWrittenStallTheView"},
	},
	{
		name: "store-trouble-to-letters", cause: "rule 9", takes: "a store that is down stalls its view",
		file: "projections/apply.go", old: "if errors.As(err, &bad) && bad.names(len(records)) {",
		new: "if errors.As(err, &bad); err != nil && bad == nil {\n\t\t\tbad = &RecordError{Reasons: map[int]error{0: err}}\n\t\t}\n\t\tif bad != nil && bad.names(len(records)) {",
		in:  "projections", by: []string{"TestAStoreThatIsAwayStallsAndLosesNothing"},
	},
	{
		name: "view-sets-unread-schemas-aside", cause: "rule 9", takes: "a registry that is away stalls the view",
		file: "projections/decode.go", old: "case domain.KindOf(err) == domain.Unavailable:", new: "case false:",
		in: "projections", by: []string{"TestARegistryThatIsAwayStallsAndFillsNoDeadLetters"},
	},
	{
		name: "event-of-another-partition-applied", cause: "place", takes: "an event that stands in another partition than its command is set aside",
		file: "projections/decode.go", old: "case fact.Origin.Partition != r.Partition:", new: "case false:",
		in: "projections", by: []string{"TestBadRecordsAreSetAsideWholeAndOtherKeysGoOn"},
	},
}

var inDocuments = []mutation{
	{
		name: "no-version-guard", cause: "rule 7", takes: "only a greater version replaces a document",
		file: "projections/sqlite/generation.go", old: " WHERE excluded.version > t.version", new: "",
		in: "projections/sqlite", by: []string{"TestStoreKeepsTheContract/guarded_upsert"},
	},
	{
		name: "values-added-up", cause: "rule 7", takes: "a document holds absolute values",
		file: "projections/sqlite/generation.go", old: "for _, name := range names[1:] {",
		new: "for _, name := range names[strings.Count(fields, \",\")+1:] {\n\t\tsets = append(sets, name+\" = t.\"+name+\" + excluded.\"+name)\n\t}\n\tfor _, name := range names[1 : strings.Count(fields, \",\")+1] {",
		in:  "projections/sqlite", by: []string{"TestStoreKeepsTheContract/guarded_upsert"},
	},
	{
		name: "tombstones-deleted", cause: "rule 7", takes: "a deletion is a tombstone that stays",
		file: "projections/sqlite/generation.go", old: "docs = docs[n:]\n\t\t}\n\t\treturn nil", new: "docs = docs[n:]\n\t\t}\n\t\t_, err := tx.ExecContext(ctx, `DELETE FROM \"`+g.name.String()+`\" WHERE deleted`)\n\t\treturn err",
		in: "projections/sqlite", by: []string{"TestStoreKeepsTheContract/tombstones_stay_and_are_not_shown"},
	},
	{
		name: "oldest-of-a-bulk", cause: "rule 7", takes: "of a bulk the greatest version of each document is written",
		file: "projections/documents/document.go", old: "cmp.Compare(b.Version, a.Version)", new: "cmp.Compare(a.Version, b.Version)",
		in: "projections/documents", by: []string{"TestCoalesceKeepsTheNewestOfEachInOrder"},
	},
	{
		name: "half-a-bad-batch", cause: "rule 9", takes: "nothing of a batch is written that holds what cannot be applied",
		file: "projections/documents/sink.go", old: "if bad != nil {\n\t\treturn domain.Wrap", new: "if bad != nil {\n\t\t_ = s.Upsert(ctx, Coalesce(docs))\n\t\treturn domain.Wrap",
		in: "projections/documents", by: []string{"TestASinkWritesNothingOfABatchThatHoldsWhatCannotBeApplied"},
	},
	{
		name: "document-watermark-goes-back", cause: "rule 8", takes: "a document view's watermark never goes back",
		file: "projections/sqlite/generation.go", old: "SET next = max(next, excluded.next), version = max(version, excluded.version)", new: "SET next = excluded.next, version = excluded.version",
		in: "projections/sqlite", by: []string{"TestStoreKeepsTheContract/watermarks_never_go_back"},
	},
}

var inClickHouse = []mutation{
	{
		name: "viewing-without-version", cause: "rule 7", takes: "of a key's rows the greatest version counts, not the last inserted",
		file: "projections/clickhouse/ddl/viewing.sql", old: `{{.Engine "ReplacingMergeTree" "version"}}`, new: `{{.Engine "ReplacingMergeTree" ""}}`,
		in: "projections/clickhouse", by: []string{"TestSinksKeepTheContract/viewing"},
	},
	{
		name: "feedback-without-version", cause: "rule 7", takes: "of a key's opinions the greatest version counts, not the last inserted",
		file: "projections/clickhouse/ddl/feedback.sql", old: `{{.Engine "ReplacingMergeTree" "version"}}`, new: `{{.Engine "ReplacingMergeTree" ""}}`,
		in: "projections/clickhouse", by: []string{"TestSinksKeepTheContract/feedback"},
	},
	{
		name: "viewing-added-up", cause: "rule 7", takes: "a row of viewing replaces another and adds nothing",
		file: "projections/clickhouse/ddl/viewing.sql", old: `{{.Engine "ReplacingMergeTree" "version"}}`, new: `{{.Engine "SummingMergeTree" ""}}`,
		in: "projections/clickhouse", by: []string{"TestSinksKeepTheContract/viewing"},
	},
	{
		name: "viewing-without-final", cause: "rule 7", takes: "readers of viewing see one row of each key",
		file: "projections/clickhouse/ddl/viewing.sql", old: "FROM {{.Table}} AS t FINAL", new: "FROM {{.Table}} AS t",
		in: "projections/clickhouse", by: []string{"TestSinksKeepTheContract/viewing"},
	},
	{
		name: "events-without-final", cause: "rule 7", takes: "readers of events see each of them once",
		file: "projections/clickhouse/ddl/playback_events.sql", old: "FROM {{.Table}} AS t FINAL", new: "FROM {{.Table}} AS t",
		in: "projections/clickhouse", by: []string{"TestSinksKeepTheContract/playback_events"},
	},
	{
		name: "events-without-identity", cause: "rule 7", takes: "an event is known by partition and version",
		file: "projections/clickhouse/ddl/playback_events.sql", old: "ORDER BY (hour, movie_id, user_id, partition, version)", new: "ORDER BY (hour, movie_id, user_id, partition)",
		in: "projections/clickhouse", by: []string{"TestViewsEqualTheFold"},
	},
	{
		name: "audience-without-final", cause: "rule 7", takes: "derived views count each key once",
		file: "projections/clickhouse/ddl/movie_audience.sql", old: `{{.TableOf "viewing"}} FINAL`, new: `{{.TableOf "viewing"}}`,
		in: "projections/clickhouse", by: []string{"TestViewsEqualTheFold"},
	},
	{
		name: "oldest-of-a-batch", cause: "rule 7", takes: "of a batch the greatest version of each key is sent",
		file: "projections/clickhouse/table.go", old: "Origin.Version <= head.Origin.Version {", new: "Origin.Version >= head.Origin.Version {",
		in: "projections/clickhouse", by: []string{"TestNewestOfAKeyByVersion", "TestViewingSendsTheNewestOfEachKey"},
	},
	{
		name: "server-deduplicates", cause: "rule 7", takes: "the server's own deduplication stays out of it",
		file: "projections/clickhouse/options.go", old: `"insert_deduplicate":              0,`, new: `"insert_deduplicate":              1,`,
		in: "projections/clickhouse", by: []string{"TestInsertsAreSynchronousAndNotDeduplicated"},
	},
	{
		name: "clickhouse-watermark-goes-back", cause: "rule 8", takes: "a ClickHouse view's watermark never goes back",
		file: "projections/clickhouse/ddl/catalog.sql", old: "next_offset SimpleAggregateFunction(max, Int64)", new: "next_offset SimpleAggregateFunction(anyLast, Int64)",
		in: "projections/clickhouse", by: []string{"TestSinksKeepTheContract/viewing"},
	},
	{
		name: "inserts-answered-early", cause: "durability", takes: "an INSERT is answered when its rows are stored",
		file: "projections/clickhouse/options.go", old: `"async_insert":                    0,`, new: `"async_insert":                    1,`,
		in: "projections/clickhouse", by: []string{"TestInsertsAreSynchronousAndNotDeduplicated"},
	},
	{
		name: "inserts-not-synced", cause: "durability", takes: "an answered INSERT is on the disk",
		file: "projections/clickhouse/rendering.go", old: "fsync_after_insert = 1, fsync_part_directory = 1", new: "fsync_after_insert = 0, fsync_part_directory = 0",
		in: "projections/clickhouse", by: []string{"TestGenerationsSyncUnlessToldOtherwise"},
	},
	{
		name: "cluster-inserts-without-quorum", cause: "durability", takes: "a majority of replicas has an answered INSERT",
		file: "projections/clickhouse/options.go", old: `s["insert_quorum"] = o.InsertQuorum`, new: `_ = o.InsertQuorum`,
		in: "projections/clickhouse", by: []string{"TestInsertsIntoAClusterWaitForAMajority"},
	},
}
