package main

var inStreams = []mutation{
	{
		name: "applied-again", cause: "rule 4", takes: "a command at or below the applied version changes nothing",
		file: "streams/rule.go", old: "if in.origin.Version <= t.Applied {", new: "if false {",
		in: "streams", by: []string{"TestStep", "TestInputsThatComeAgainChangeNothing"},
	},
	{
		name: "repeated-input-emits-nothing", cause: "rule 4", takes: "the outcome of a repeated command is taken from the outbox and emitted again",
		file: "streams/rule.go", old: "if out.event = t.Outbox[i].Event; len(out.event) > 0 {", new: "if len(t.Outbox[i].Event) > 0 {",
		in: "streams", by: []string{"TestStep"},
	},
	{
		name: "no-outbox", cause: "rule 4", takes: "the value holds the outcomes that are not known to be written",
		file: "streams/rule.go", old: "if len(out.event) > 0 || out.refused != nil {", new: "if false {",
		in: "streams", by: []string{"TestStep"},
	},
	{
		name: "outbox-emptied-early", cause: "rule 4", takes: "an outcome stays in the outbox until it is acknowledged",
		file: "streams/rule.go", old: "if o.Version > acked {", new: "if false {",
		in: "streams", by: []string{"TestAStepDropsWhatIsAcknowledgedAndChangesNoArgument"},
	},
	{
		name: "outbox-without-bound", cause: "rule 4", takes: "a key waits for room in its outbox",
		file: "streams/rule.go", old: "return oldest, n >= maxOutcomes || size >= maxOutcomeBytes", new: "return oldest, false",
		in: "streams", by: []string{"TestCrowded"},
	},
	{
		name: "repeated-value-not-set", cause: "rule 4", takes: "a repeated command sets its value again, which a crash may have lost on the way",
		file: "streams/process.go", old: "ctx.SetValue(value, ", new: "if s.repeated {\n\t\t\treturn nil\n\t\t}\n\t\tctx.SetValue(value, ",
		in: "streams", by: []string{"TestACopyAheadOfItsTopicIsWrittenAgain"},
	},
	{
		name: "committed-outbox-waited-for", cause: "rule 4", takes: "what was committed before the session began needs no acknowledgement",
		file: "streams/process.go", old: "max(run.out.ackedUpTo(in.origin.Partition), p.floor)", new: "run.out.ackedUpTo(in.origin.Partition)",
		in: "streams", by: []string{"TestAnOutboxOfCommittedOutcomesHoldsNobodyUp"},
	},
	{
		name: "other-log-believed", cause: "rule 4", takes: "a table that knows more inputs than its topic holds is of another topic",
		file: "streams/process.go", old: "applied >= end {", new: "false {",
		in: "streams", by: []string{"TestATopicThatWasMadeAnewIsNotTakenForTheOldOne"},
	},
	{
		name: "last-record-wins", cause: "rule 5", takes: "of two values of a key the greater applied version stays",
		file: "streams/keep.go", old: "err != nil || kept > version) {", new: "err != nil || false && kept > version) {",
		in: "streams", by: []string{"TestTheGreaterAppliedVersionStays"},
	},
	{
		name: "zombie-shown", cause: "rule 5", takes: "the positions view keeps the greater version",
		file: "streams/follow.go", old: "goka.WithViewCallback(keepGreater(topics.PlaybackTable.Name, v.healer, v.stored)),",
		new: "goka.WithViewCallback(func(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {\n\t\t\tdefer v.stored(ctx)\n\t\t\treturn goka.DefaultUpdate(ctx, s, key, value)\n\t\t}),",
		in:  "streams", by: []string{"TestAZombiesLateWriteIsNeitherShownNorRestoredAndIsHealed"},
	},
	{
		name: "zombie-restored", cause: "rule 5", takes: "a restored table keeps the greater version",
		file: "streams/supervised.go", old: "goka.WithUpdateCallback(keepGreater(g.group.Table.Name, g.healer, nil)),", new: "",
		in: "streams", by: []string{"TestAnOwnerHealsWhatItFindsWhenItRestores", "TestAZombiesLateWriteIsNeitherShownNorRestoredAndIsHealed"},
	},
	{
		name: "nobody-heals", cause: "rule 5", takes: "whoever sees that a key went back sends a touch",
		file: "streams/keep.go", old: "h.regressed(key, kept)", new: "_ = h",
		in: "streams", by: []string{"TestTheGreaterAppliedVersionStays"},
	},
	{
		name: "touch-without-its-version", cause: "rule 5", takes: "the same touch sent twice is the same command",
		file: "streams/healer.go", old: "table, user, movie, v)), User: user", new: "table, user, movie, clock())), User: user",
		in: "streams", by: []string{"TestTouchesAreCommandsThatTheEdgeWouldTake"},
	},
	{
		name: "offset-ahead-of-values", cause: "rule 5", takes: "values are on disk before the offset that stands for them",
		file: "streams/store.go", old: "if err := s.flush(); err != nil {\n\t\t\treturn fmt.Errorf(\"write to", new: "if err := error(nil); err != nil {\n\t\t\treturn fmt.Errorf(\"write to",
		in: "streams", by: []string{"TestTheOffsetOnDiskNeverRunsAhead"},
	},
	{
		name: "copy-of-an-older-topic", cause: "rule 5", takes: "a copy is of the topic with its id, not of its name",
		file: "streams/kafka.go", old: "return hex.EncodeToString(l.tableID[:8])", new: "return hex.EncodeToString(nil)",
		in: "streams", by: []string{"TestTopicsAreLookedAtAndNeverMade"},
	},
	{
		name: "failed-store-write-passed-over", cause: "rule 6", takes: "a store that refuses a value ends the processor",
		file: "streams/store.go", old: "s.failed(err)\n", new: "err = nil\n",
		in: "streams", by: []string{"TestAFailedWriteIsTold"},
	},
	{
		name: "promises-out-of-order", cause: "rule 6", takes: "promises are kept in the order of emitting",
		file: "streams/producer.go", old: "p.answer(e, err)\n\t})", new: "e.then(record, err)\n\t})",
		in: "streams", by: []string{"TestPromisesAreKeptInTheOrderOfEmitting"},
	},
	{
		name: "goes-on-after-a-failure", cause: "rule 6", takes: "after the first failure all later writes fail",
		file: "streams/producer.go", old: "p.broken = p.broken || oldest.err != nil", new: "p.broken = oldest.err != nil",
		in: "streams", by: []string{"TestAfterAFailureEverythingLaterFails"},
	},
	{
		name: "committed-past-a-failed-emit", cause: "rule 6", takes: "an input is committed after its outcome is written",
		file: "streams/process.go", old: "written := ctx.DeferCommit()", new: "written := func(error) {}",
		in: "streams", by: []string{"TestAFailedEmitIsNotCommittedPast"},
	},
	{
		name: "committed-past-a-letter", cause: "rule 6", takes: "an input that is set aside is committed after its dead letter is written",
		file: "streams/letters.go", old: "written := ctx.DeferCommit()", new: "written := func(error) {}",
		in: "streams", by: []string{"TestAFailedLetterIsNotCommittedPast"},
	},
	{
		name: "failure-while-stopping-committed", cause: "rule 6", takes: "an input that failed while stopping is not committed",
		file: "streams/incarnation.go", old: "ctx.DeferCommit()(err)\n", new: "",
		in: "streams", by: []string{"TestARecordThatFailsWhileStoppingIsNotCommitted"},
	},
	{
		name: "too-large-refused-late", cause: "rule 6", takes: "a record that is too large fails before anything later is sent",
		file: "streams/producer.go", old: "if size > p.maxBytes {", new: "if false {",
		in: "streams", by: []string{"TestWhatCannotBeWrittenFailsBeforeAnythingLaterIsSent"},
	},
	{
		name: "zombie-memory", cause: "rule 6", takes: "a new session forgets what the last one remembered of its keys",
		file: "streams/incarnation.go",
		old:  "func (run *incarnation) assigned(partitions []int32) {\n\tparts := make(map[int32]*partition, len(partitions))\n\tfor _, p := range partitions {\n\t\tparts[p] = &partition{}",
		new: "var formerly sync.Map\n\nfunc (run *incarnation) assigned(partitions []int32) {\n\tparts := make(map[int32]*partition, len(partitions))\n\tfor _, p := range partitions {\n" +
			"\t\tlast, _ := formerly.LoadOrStore([2]any{run, p}, &partition{})\n\t\tparts[p] = last.(*partition)",
		in: "streams", by: []string{"TestPartitionsMoveBetweenMembersUnderLoad"},
	},
	{
		name: "letter-dropped", cause: "rule 9", takes: "what cannot be decided goes to the dead letters",
		file: "streams/process.go", old: "case s.refused != nil:\n\t\t\treturn run.setAside(ctx, in, s.refused)", new: "case s.refused != nil:\n\t\t\treturn nil",
		in: "streams", by: []string{"TestPoisonIsSetAsideAndHoldsUpItsKeyAlone"},
	},
	{
		name: "key-goes-on-past-its-letter", cause: "rule 9", takes: "later commands of a key wait behind its dead letter",
		file: "streams/rule.go", old: "case next.Blocked:", new: "case false:",
		in: "streams", by: []string{"TestStep"},
	},
	{
		name: "foreign-key-decided", cause: "rule 9", takes: "a record that stands in a foreign partition is set aside",
		file: "streams/process.go", old: "if domain.Partition(in.key, run.inputs) != in.origin.Partition || in.key == \"\" {", new: "if in.key == \"\" {",
		in: "streams", by: []string{"TestRecordsOfNoOrAnothersKeyAreSetAsideWithoutAState"},
	},
	{
		name: "registry-trouble-to-letters", cause: "rule 9", takes: "a registry that is away stalls the group",
		file: "streams/rule.go", old: "case domain.KindOf(err) == domain.Invalid:", new: "default:",
		in: "streams", by: []string{"TestTroubleThatMayPassStallsInsteadOfSettingAside"},
	},
	{
		name: "unreadable-value-overwritten", cause: "rule 9", takes: "a table value that cannot be read is never overwritten",
		file: "streams/process.go", old: "t, err := r.decode(value)\n\tif err != nil {", new: "t, err := r.decode(value)\n\tif err != nil && ctx.Key() != \"\" {\n\t\treturn newTable[S](), nil\n\t}\n\tif err != nil {",
		in: "streams", by: []string{"TestATableValueThatCannotBeReadIsNeverOverwritten"},
	},
	{
		name: "groups-assigned-by-range", cause: "place", takes: "the inputs of a group come from the same partitions to one member",
		file: "streams/kafka.go", old: "sarama.BalanceStrategy{goka.CopartitioningStrategy}", new: "sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}",
		in: "streams", by: []string{"TestSettingsThatExactnessDependsOnWinOverTheCallers"},
	},
	{
		name: "partitions-not-compared", cause: "place", takes: "input and table have the same number of partitions",
		file: "streams/kafka.go", old: "len(errs) == 0 && in != table {", new: "len(errs) == 0 && in < 0 {",
		in: "streams", by: []string{"TestTopicsAreLookedAtAndNeverMade"},
	},
	{
		name: "outcomes-acknowledged-by-the-leader", cause: "goka-acks", takes: "outcomes and tables are acknowledged by every replica in sync",
		file: "streams/kafka.go", old: "kgo.RequiredAcks(kgo.AllISRAcks()),", new: "",
		in: "streams", by: []string{"TestSettingsThatExactnessDependsOnWinOverTheCallers"},
	},
	{
		name: "outcomes-written-twice", cause: "goka-acks", takes: "a producer that may double records is refused",
		file: "streams/producer.go", old: "client.OptValue(kgo.DisableIdempotentWrite).(bool); off {", new: "client.OptValue(kgo.DisableIdempotentWrite).(bool); off && false {",
		in: "streams", by: []string{"TestSettingsThatExactnessDependsOnWinOverTheCallers"},
	},
	{
		name: "tables-through-gokas-producer", cause: "goka-acks", takes: "goka writes its tables through the ordered producer",
		file: "streams/supervised.go", old: "goka.WithProducerBuilder(func([]string, string, func() hash.Hash32) (goka.Producer, error) { return out, nil }),",
		new: "goka.WithProducerBuilder(func(b []string, id string, h func() hash.Hash32) (goka.Producer, error) { return goka.DefaultProducerBuilder(b, id, h) }),",
		in:  "streams", by: []string{"TestACopyAheadOfItsTopicIsWrittenAgain"},
	},
	{
		name: "group-starts-at-newest", cause: "goka-newest", takes: "a group without a commit starts at the oldest record",
		file: "streams/kafka.go", old: "c.Consumer.Offsets.Initial = sarama.OffsetOldest", new: "c.Consumer.Offsets.Initial = sarama.OffsetNewest",
		in: "streams", by: []string{"TestSettingsThatExactnessDependsOnWinOverTheCallers"},
	},
	{
		name: "tables-below-tmp", cause: "goka-tmp", takes: "copies of tables lie in the data folder",
		file: "streams/supervised.go", old: "dir := filepath.Join(data, \"streams\"", new: "dir := filepath.Join(os.TempDir(), \"streams\"",
		in: "streams", by: []string{"TestCopiesLieInTheDataFolder"},
	},
	{
		name: "positions-below-tmp", cause: "goka-tmp", takes: "the copy of the positions lies in the data folder",
		file: "streams/positions.go", old: "dir := filepath.Join(data, \"positions-\"", new: "dir := filepath.Join(os.TempDir(), \"positions-\"",
		in: "streams", by: []string{"TestCopiesLieInTheDataFolder"},
	},
	{
		name: "records-held-for-100-ms", cause: "goka-flush", takes: "records leave at once",
		file: "streams/kafka.go", old: "kgo.ProducerLinger(0),", new: "kgo.ProducerLinger(100 * time.Millisecond),",
		in: "streams", by: []string{"TestSettingsThatExactnessDependsOnWinOverTheCallers"},
	},
	{
		name: "rebalance-waits-5-s", cause: "goka-rebalance", takes: "the next session follows a rebalance at once",
		file: "streams/kafka.go", old: "for ctx.Err() == nil {\n\t\tstarted := time.Now()", new: "for first := true; first && ctx.Err() == nil; first = false {\n\t\tstarted := time.Now()",
		in: "streams", by: []string{"TestTheNextSessionFollowsARebalanceAtOnce"},
	},
	{
		name: "goka-makes-topics", cause: "goka-retention", takes: "goka makes no topic: topics have an owner",
		file: "streams/kafka.go", old: "tmc.NoCreate = true\n\t\ttm, err := goka.NewTopicManager(brokers, config, tmc)", new: "return goka.NewTopicManager(brokers, config, tmc)\n\t\ttm, err := goka.TopicManager(nil), error(nil)",
		in: "streams", by: []string{"TestTopicsAreLookedAtAndNeverMade"},
	},
	{
		name: "tables-that-expire", cause: "goka-retention", takes: "a table whose records would expire is refused",
		file: "streams/kafka.go", old: "errs = append(errs, compacted(ctx, adm, g.Table.Name))", new: "_ = compacted",
		in: "streams", by: []string{"TestTopicsAreLookedAtAndNeverMade"},
	},
	{
		name: "decode-error-ends-the-processor", cause: "goka-decode", takes: "records pass goka as bytes",
		file: "streams/incarnation.go", old: "func (raw) Decode(b []byte) (any, error) { return b, nil }",
		new: "func (raw) Decode(b []byte) (any, error) {\n\tif len(b) == 0 || b[0] != 0 {\n\t\treturn nil, errors.New(\"no Avro\")\n\t}\n\treturn b, nil\n}",
		in:  "streams", by: []string{"TestPoisonIsSetAsideAndHoldsUpItsKeyAlone"},
	},
	{
		name: "nil-values-dropped", cause: "goka-nil", takes: "records without a value are seen",
		file: "streams/supervised.go", old: "goka.WithNilHandling(goka.NilDecode),", new: "",
		in: "streams", by: []string{"TestPoisonIsSetAsideAndHoldsUpItsKeyAlone"},
	},
	{
		name: "tables-in-memory", cause: "goka-memory", takes: "tables lie in LevelDB, and are there after a restart",
		file: "streams/supervised.go", old: "return openStore(dir, topic, partition, run.fail)", new: "return storage.NewMemory(), os.MkdirAll(dir, 0o755)",
		in: "streams", by: []string{"TestCopiesLieInTheDataFolder"},
	},
	{
		name: "view-ends-with-its-broker", cause: "goka-view", takes: "the view connects again when a broker hangs up",
		file: "streams/follow.go", old: "goka.WithViewAutoReconnect(),", new: "",
		in: "streams", by: []string{"TestStreamsAndViewOutliveTheirBroker"},
	},
	{
		name: "view-comes-back-late", cause: "goka-view", takes: "the view connects again in steps of half a second, not of ten",
		file: "streams/follow.go", old: "goka.NewSimpleBackoff(reconnectStep, reconnectMax), nil", new: "goka.NewSimpleBackoff(10*time.Second, 2*time.Minute), nil",
		in: "streams", by: []string{"TestTheViewComesBackSoon"},
	},
	{
		name: "view-not-replaced", cause: "goka-view", takes: "a view that ended is replaced",
		file: "streams/positions.go", old: "if ctx.Err() != nil {\n\t\t\t\tbreak\n", new: "if err != nil || ctx.Err() != nil {\n\t\t\t\tbreak\n",
		in: "streams", by: []string{"TestPartsThatBeganTooEarlyComeUpWithTheirTopics"},
	},
	{
		name: "processor-not-replaced", cause: "goka-topic", takes: "a processor that ended is replaced",
		file: "streams/supervised.go", old: "if ctx.Err() != nil {\n\t\t\tif errors.Is(err, errStopTimeout) {", new: "if err != nil || ctx.Err() != nil {\n\t\t\tif errors.Is(err, errStopTimeout) {",
		in: "streams", by: []string{"TestPartsThatBeganTooEarlyComeUpWithTheirTopics"},
	},
}
