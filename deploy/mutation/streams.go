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
		name: "other-log-believed", cause: "rule 4", takes: "a table that knows more inputs than its topic holds is of another topic",
		file: "streams/process.go", old: "applied >= end {", new: "false {",
		in: "streams", by: []string{"TestATopicThatEndsBeforeWhatItsTableKnowsIsAnother"},
	},
	{
		name: "last-record-wins", cause: "rule 5", takes: "a record of a table counts where it stands as its owner meant it to",
		file: "streams/keep.go", old: "if !schemas.Stands(r.placed, r.offset) {", new: "if false {",
		in: "streams", by: []string{"TestOnlyARecordThatStandsWhereItWasMeantToCounts", "TestAnyHistoryOfCrashesGivesThePureFold"},
	},
	{
		name: "older-record-wins", cause: "rule 5", takes: "of two values without a place the greater applied version counts",
		file: "streams/keep.go", old: "if readable && known > applied {", new: "if false {",
		in: "streams", by: []string{"TestOfRecordsWithoutAPlaceTheGreaterAppliedCounts"},
	},
	{
		name: "later-of-equals-wins", cause: "rule 5", takes: "of two values without a place and of equal applied version the first counts",
		file: "streams/keep.go", old: "return same, nil\n\t\t}\n\t\treturn late, errLate", new: "return same, nil\n\t\t}\n\t\treturn counts, nil",
		in: "streams", by: []string{"TestOfRecordsWithoutAPlaceTheGreaterAppliedCounts"},
	},
	{
		name: "any-schema-is-a-value", cause: "rule 5", takes: "only a schema of the table makes a record of its topic a value",
		file: "schemas/applied.go", old: "if list[r].Kind != TableValue || list[r].Topic.Name != table.Name {", new: "if false {",
		in: "schemas", by: []string{"TestOnlyAValueOfTheTableHasAnAppliedVersion"},
	},
	{
		name: "tombstone-deletes", cause: "rule 5", takes: "a tombstone is foreign and takes no value away",
		file: "streams/keep.go", old: "return foreign, errTombstone", new: "return same, nil",
		in: "streams", by: []string{"TestForeignRecordsOfATableArePassedOver", "TestEveryTableIsRepairedByItsOwner"},
	},
	{
		name: "lost-value-taken-for-none", cause: "rule 5", takes: "a key of which only foreign records are left is not one without a state",
		file: "streams/keep.go", old: "if isLost(kept) {", new: "if false {",
		in: "streams", by: []string{"TestForeignRecordsOfATableArePassedOver", "TestALostValueIsRebuiltFromTheInputs"},
	},
	{
		name: "lost-value-not-rebuilt", cause: "rule 5", takes: "a value that was compacted away is folded again from the input",
		file: "streams/owner.go", old: "if value == nil {\n\t\t\treturn nil", new: "if true {\n\t\t\treturn nil",
		in: "streams", by: []string{"TestALostValueIsRebuiltFromTheInputs"},
	},
	{
		name: "half-a-log-folded", cause: "rule 5", takes: "a value is not folded again from a log that does not reach back",
		file: "streams/owner.go", old: "if start > 0 {", new: "if false {",
		in: "streams", by: []string{"TestALostValueIsRebuiltFromTheInputs"},
	},
	{
		name: "outcome-before-its-value", cause: "rule 4", takes: "an outcome leaves after the value that holds it is written",
		file: "streams/lane.go", old: "if p.state && p.version > l.stored {\n\t\t\tbreak\n\t\t}\n\t\tl.sent++", new: "l.sent++",
		in: "streams", by: []string{"TestOutcomesLeaveInOrderBehindTheirStates", "TestAPromiseWaitsForTheStateAndForEveryOutcome", "TestNoEventLeavesBeforeItsValueIsWritten"},
	},
	{
		name: "promise-kept-before-its-turn", cause: "rule 6", takes: "an input is done when its outcomes have been emitted in turn",
		file: "streams/lane.go", old: "for l.head < l.told && l.head < l.sent && l.dead == nil {", new: "for l.head < l.told && l.dead == nil {",
		in: "streams", by: []string{"TestAnInputWithoutOutcomesWaitsForThoseBeforeIt"},
	},
	{
		name: "other-owner-not-met", cause: "rule 5", takes: "an owner that meets another's value ends",
		file: "streams/owner.go", old: "case j == counts:", new: "case j == counts && false:",
		in: "streams", by: []string{"TestAFlushBehindAnotherOwnersValueEndsTheProcessor", "TestAPausedOwnerMeetsItsSuccessorsRecords"},
	},
	{
		name: "compacted-gap-passed-over", cause: "rule 5", takes: "what was compacted away before it was read may have counted",
		file: "streams/owner.go", old: "if err == nil && t.end < end {", new: "if false {",
		in: "streams", by: []string{"TestAGapThatWasCompactedEndsTheProcessor"},
	},
	{
		name: "misplaced-flush-believed", cause: "rule 5", takes: "a flush is done when each record stands where it was meant to",
		file: "streams/table.go", old: "for stand < len(b.records) && b.records[stand].Offset == t.end+int64(stand) {", new: "for stand < len(b.records) {",
		in: "streams", by: []string{"TestAFlushBehindAnotherOwnersValueEndsTheProcessor", "TestAFlushBehindRecordsThatDoNotCountIsWrittenAgain"},
	},
	{
		name: "copy-of-a-longer-topic-kept", cause: "rule 5", takes: "a copy that knows more than its topic is thrown away",
		file: "streams/table.go", old: "t.copy.useless.Store(true)", new: "",
		in: "streams", by: []string{"TestACopyThatKnowsMoreThanItsTopicIsThrownAway"},
	},
	{
		name: "idle-owner-deaf", cause: "rule 5", takes: "an owner that has nothing to write hears of what others wrote",
		file: "streams/table.go", old: "if t.heard.Swap(end) != end {", new: "if t.heard.Swap(end) != end && false {",
		in: "streams", by: []string{"TestAnIdleOwnerRepairsWhatItHearsOf"},
	},
	{
		name: "ends-not-asked-for", cause: "rule 5", takes: "the end of each table partition is asked for every few seconds",
		file: "streams/owner.go", old: "owners := run.owners()", new: "owners := map[int32]func(int64){}",
		in: "streams", by: []string{"TestEveryTableIsRepairedByItsOwner"},
	},
	{
		name: "mark-not-kept", cause: "rule 5", takes: "what is to be repaired outlives the process",
		file: "streams/marks.go", old: "return s.putAt(marksPlace+key, []byte{kind})", new: "return nil",
		in: "streams", by: []string{"TestMarksOutliveTheProcessAsTheOffsetDoes"},
	},
	{
		name: "mark-over-a-key", cause: "rule 5", takes: "no key lies where the store has its own places",
		file: "streams/store.go", old: "return \"\\x00\" + key", new: "return key",
		in: "streams", by: []string{"TestNoKeyLiesInTheStoresOwnPlaces"},
	},
	{
		name: "failure-that-nobody-waits-for", cause: "rule 6", takes: "a processor whose owner failed ends, also where no input comes",
		file: "streams/supervised.go", old: "case <-run.out.ctx.Done(): //", new: "case <-make(chan struct{}): //",
		in: "streams", by: []string{"TestAnIdleOwnerThatMeetsAnotherStartsAgain"},
	},
	{
		name: "zombie-shown", cause: "rule 5", takes: "the positions view passes over records that do not count",
		file: "streams/follow.go", old: "goka.WithViewCallback(v.keeper.restore(v.copyOf, v.stored)),",
		new: "goka.WithViewCallback(func(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {\n\t\t\tdefer v.stored(ctx)\n\t\t\treturn goka.DefaultUpdate(ctx, s, key, value)\n\t\t}),",
		in:  "streams", by: []string{"TestAZombiesLateWriteIsNeitherShownNorRestoredAndIsRepaired"},
	},
	{
		name: "zombie-restored", cause: "rule 5", takes: "a restored table passes over records that do not count",
		file: "streams/supervised.go", old: "goka.WithUpdateCallback(run.keeper.restore(run.copyOf, nil)),", new: "",
		in: "streams", by: []string{"TestAZombiesLateWriteIsNeitherShownNorRestoredAndIsRepaired"},
	},
	{
		name: "nobody-heals", cause: "rule 5", takes: "the owner of a table writes again what stands behind a record that does not count",
		file: "streams/table.go", old: "if err != nil || len(keys) == 0 {\n\t\treturn nil, err", new: "if err != nil || true {\n\t\treturn nil, err",
		in: "streams", by: []string{"TestAnIdleOwnerRepairsWhatItHearsOf", "TestEveryTableIsRepairedByItsOwner"},
	},
	{
		name: "copy-of-an-older-topic", cause: "rule 5", takes: "a copy is of the topic with its id, not of its name",
		file: "streams/kafka.go", old: "return hex.EncodeToString(l.tableID[:8])", new: "return hex.EncodeToString(nil)",
		in: "streams", by: []string{"TestTopicsAreLookedAtAndNeverMade"},
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
		name: "key-goes-on-past-its-letter", cause: "rule 9", takes: "later commands of a key wait behind its dead letter",
		file: "streams/rule.go", old: "case next.Blocked:", new: "case false:",
		in: "streams", by: []string{"TestStep"},
	},
	{
		name: "foreign-key-decided", cause: "rule 9", takes: "a record that stands in a foreign partition is set aside",
		file: "streams/letters.go", old: "case domain.Partition(in.key, run.inputs) != in.origin.Partition:", new: "case false:",
		in: "streams", by: []string{"TestRecordsOfNoOrAnothersKeyAreSetAsideWithoutAState"},
	},
	{
		name: "registry-trouble-to-letters", cause: "rule 9", takes: "a registry that is away stalls the group",
		file: "streams/rule.go", old: "if reason := schemas.ReasonOf(err); reason != \"\" {", new: "if reason := schemas.ReasonOf(err); true {",
		in: "streams", by: []string{"TestTroubleThatMayPassStallsInsteadOfSettingAside"},
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
		file: "streams/supervised.go", old: "return run.openStore(dir, topic, partition)", new: "return storage.NewMemory(), os.MkdirAll(dir, 0o755)",
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
		file: "streams/positions.go", old: "if ctx.Err() != nil {\n\t\t\tbreak\n", new: "if err != nil || ctx.Err() != nil {\n\t\t\tbreak\n",
		in: "streams", by: []string{"TestPartsThatBeganTooEarlyComeUpWithTheirTopics"},
	},
	{
		name: "processor-not-replaced", cause: "goka-topic", takes: "a processor that ended is replaced",
		file: "streams/supervised.go", old: "if ctx.Err() != nil {\n\t\t\tif errors.Is(err, errStopTimeout) {", new: "if err != nil || ctx.Err() != nil {\n\t\t\tif errors.Is(err, errStopTimeout) {",
		in: "streams", by: []string{"TestPartsThatBeganTooEarlyComeUpWithTheirTopics"},
	},
	{
		name: "promise-kept-before-its-outcome", cause: "rule 6", takes: "an input is done when every outcome of it, and of those before it, is written",
		file: "streams/lane.go", old: "for l.told < len(l.queue) && l.queue[l.told].left <= 0 {", new: "for l.told < len(l.queue) {",
		in: "streams", by: []string{"TestAPromiseWaitsForTheStateAndForEveryOutcome", "TestPromisesAreKeptInTheOrderOfInputs"},
	},
	{
		name: "committed-past-a-failed-emit", cause: "rule 6", takes: "an input is committed after its outcome is written",
		file: "streams/process.go", old: "run.events(in, headers, s.event), true, in.finishing(ctx.DeferCommit()))", new: "run.events(in, headers, s.event), true, in.finishing(func(error) {}))",
		in: "streams", by: []string{"TestAFailedEmitIsNotCommittedPast"},
	},
	{
		name: "committed-past-a-letter", cause: "rule 6", takes: "an input that is set aside is committed after its dead letter is written",
		file: "streams/letters.go", old: "in.finishing(ctx.DeferCommit())", new: "in.finishing(func(error) {})",
		in: "streams", by: []string{"TestAFailedLetterIsNotCommittedPast"},
	},
	{
		name: "letter-dropped", cause: "rule 9", takes: "what cannot be decided goes to the dead letters",
		file: "streams/process.go", old: "return run.setAside(ctx, p, in, s.refused, true)", new: "return nil",
		in: "streams", by: []string{"TestPoisonIsSetAsideAndHoldsUpItsKeyAlone"},
	},
	{
		name: "repeated-input-sets-nothing", cause: "rule 4", takes: "the value of a repeated input is written again",
		file: "streams/process.go", old: "keys.set(in, s.table)", new: "if !s.repeated {\n\t\t\tkeys.set(in, s.table)\n\t\t}",
		in: "streams", by: []string{"TestARepeatedInputsValueIsWrittenAgain"},
	},
	{
		name: "outbox-of-the-replaced-value-dropped", cause: "rule 4", takes: "a value has the outcomes of those that it replaces",
		file: "streams/rule.go", old: "unacked(t.Outbox, acked),", new: "unacked(nil, acked),",
		in: "streams", by: []string{"TestAStepDropsWhatIsAcknowledgedAndChangesNoArgument"},
	},
	{
		name: "outbox-not-flushed", cause: "rule 4", takes: "a value is written with the outcomes that are not known to be written",
		file: "streams/table.go", old: "value.Outbox[n].Version <= acked {", new: "value.Outbox[n].Version >= 0 {",
		in: "streams", by: []string{"TestAFlushWritesTheOutcomesThatAreNotKnownToBeWritten"},
	},
	{
		name: "committed-outcomes-waited-for", cause: "rule 4", takes: "what was committed before a session began is known to be written",
		file: "streams/lane.go", old: "acked: floor,", new: "acked: domain.NoVersion,",
		in: "streams", by: []string{"TestACommitIsWaitedForByNoFullOutbox"},
	},
	{
		name: "session-begins-without-its-commit", cause: "rule 4", takes: "a session's first input says what is committed",
		file: "streams/incarnation.go", old: "run.out.lane(in.origin.Partition, in.origin.Version-1)", new: "run.out.lane(in.origin.Partition, domain.NoVersion)",
		in: "streams", by: []string{"TestARecordThatFailsWhileStoppingIsNotCommitted"},
	},
	{
		name: "memory-of-the-session-before", cause: "rule 5", takes: "a session remembers no values of the one before",
		file: "streams/incarnation.go", old: "parts[id] = &partition{id: id, ctx: ctx, stop: stop}",
		new: "parts[id] = &partition{id: id, ctx: ctx, stop: stop}\n\t\tif old := run.partition(id); old != nil {\n\t\t\tparts[id].keys = old.keys\n\t\t}",
		in:  "streams", by: []string{"TestASessionKnowsNothingOfTheOneBefore"},
	},
	{
		name: "session-beside-the-one-before", cause: "rule 5", takes: "a session begins when what ran for the one before has ended",
		file: "streams/incarnation.go", old: "p.wg.Wait()", new: "",
		in: "streams", by: []string{"TestASessionKnowsNothingOfTheOneBefore"},
	},
	{
		name: "unreadable-value-overwritten", cause: "rule 9", takes: "a value that cannot be read is not overwritten",
		file: "streams/table.go", old: "\tif err != nil {\n\t\treturn nil, fmt.Errorf(\"value of key", new: "\tif err != nil {\n\t\treturn newTable[S](), nil\n\t}\n\tif false {\n\t\treturn nil, fmt.Errorf(\"value of key",
		in: "streams", by: []string{"TestAValueThatCannotBeReadIsNotOverwritten"},
	},
	{
		name: "older-value-written", cause: "rule 5", takes: "of a key's values in one flush the newest is written",
		file: "streams/table.go", old: "s.value, s.used = value, true", new: "if s.used = true; !s.dirty {\n\t\ts.value = value\n\t}",
		in: "streams", by: []string{"TestAFlushWritesTheNewestOfEachKeyAndItsLastRecordNamesTheNewestInput"},
	},
	{
		name: "first-record-of-a-flush-names-its-end", cause: "rule 8", takes: "the last record of a flush names its newest input",
		file: "streams/table.go", old: "if i == len(all)-1 && b.newest", new: "if i == 0 && b.newest",
		in: "streams", by: []string{"TestAFlushWritesTheNewestOfEachKeyAndItsLastRecordNamesTheNewestInput"},
	},
	{
		name: "watermark-is-what-the-value-includes", cause: "rule 8", takes: "a flush names its newest input, and not the version of a value",
		file: "streams/table.go", old: "Value: versionText(b.newest)})", new: "Value: versionText(values[len(values)-1].Applied)})",
		in: "streams", by: []string{"TestARepeatedInputsValueIsWrittenAgain"},
	},
	{
		name: "key-forgotten-before-its-flush", cause: "rule 5", takes: "a key stays in memory until a flush has begun with it",
		file: "streams/table.go", old: "case old.dirty || old.away:", new: "case old.away:",
		in: "streams", by: []string{"TestAKeyStaysInMemoryUntilItsCopyHasIt"},
	},
	{
		name: "key-forgotten-during-its-flush", cause: "rule 5", takes: "a key stays in memory until the copy has it",
		file: "streams/table.go", old: "case old.dirty || old.away:", new: "case old.dirty:",
		in: "streams", by: []string{"TestAKeyStaysInMemoryUntilItsCopyHasIt"},
	},
	{
		name: "failed-flush-passed-over", cause: "rule 6", takes: "a flush that fails ends there",
		file: "streams/table.go", old: "if err := t.run.out.emitAll(b.records); err != nil {", new: "if err := t.run.out.emitAll(b.records); false {",
		in: "streams", by: []string{"TestAFlushThatFailsIsInNoCopyAndKeepsNoPromise"},
	},
	{
		name: "promise-kept-as-the-flush-begins", cause: "rule 6", takes: "inputs are done when the flush is acknowledged, not when it begins",
		file: "streams/table.go", old: "acked = b.lane.ackedUpTo()", new: "b.lane.wrote(b.newest)\n\t\tacked = b.lane.ackedUpTo()",
		in: "streams", by: []string{"TestAFlushThatFailsIsInNoCopyAndKeepsNoPromise"},
	},
	{
		name: "copy-ahead-of-its-topic", cause: "rule 6", takes: "the copy follows its topic",
		file: "streams/table.go", old: "if err := t.run.out.emitAll(b.records); err != nil {",
		new: "if err := t.copy.wrote(b.records); err != nil {\n\t\treturn err\n\t}\n\tif err := t.run.out.emitAll(b.records); err != nil {",
		in:  "streams", by: []string{"TestAFlushThatFailsIsInNoCopyAndKeepsNoPromise"},
	},
	{
		name: "flush-not-waited-for", cause: "rule 6", takes: "a flush waits for the answer to each of its records",
		file: "streams/producer.go", old: "\twg.Wait()\n\treturn p.failure()", new: "\treturn p.failure()",
		in: "streams", by: []string{"TestRecordsAreWaitedForUntilTheLastIsAnswered"},
	},
	{
		name: "failed-copy-passed-over", cause: "rule 6", takes: "a copy that takes nothing ends the processor",
		file: "streams/table.go", old: "if err := t.copy.wrote(b.records[:stand]); err != nil {", new: "if err := t.copy.wrote(b.records[:stand]); false {",
		in: "streams", by: []string{"TestACopyThatTakesNothingEndsTheProcessor"},
	},
	{
		name: "failed-flush-told-to-nobody", cause: "rule 6", takes: "what waits for a flush that failed fails with it",
		file: "streams/table.go", old: "t.run.out.fail(err)", new: "",
		in: "streams", by: []string{"TestACopyThatTakesNothingEndsTheProcessor"},
	},
	{
		name: "promises-kept-after-a-failure", cause: "rule 6", takes: "after a failure no promise is kept, though all that it waited for is there",
		file: "streams/lane.go", old: "l.head < l.sent && l.dead == nil {", new: "l.head < l.sent {",
		in: "streams", by: []string{"TestAFailureStopsPromisesFromBeingKept"},
	},
	{
		name: "promises-left-after-a-failure", cause: "rule 6", takes: "a failure breaks every promise that is not kept",
		file: "streams/lane.go", old: "if !keeping {", new: "if !keeping && false {",
		in: "streams", by: []string{"TestAfterAFailureNoPromiseIsKept"},
	},
	{
		name: "failure-while-keeping-promises-left", cause: "rule 6", takes: "a failure that comes while promises are kept breaks those that are left",
		file: "streams/lane.go", old: "if dead != nil {\n\t\tl.abandon()", new: "if dead != nil && false {\n\t\tl.abandon()",
		in: "streams", by: []string{"TestAFailureStopsPromisesFromBeingKept"},
	},
	{
		name: "failure-wakes-nobody", cause: "rule 6", takes: "who waits for a lane hears that it is dead",
		file: "streams/lane.go", old: "l.dead = err\n\t\tl.wake()", new: "l.dead = err",
		in: "streams", by: []string{"TestAddingWaitsForRoomAndForNothingElse", "TestWaitingForAnAcknowledgement"},
	},
	{
		name: "inputs-without-bound", cause: "rule 6", takes: "so many inputs at most are under way in a partition",
		file: "streams/lane.go", old: "return len(l.queue)-l.head < maxInputs })", new: "return true })",
		in: "streams", by: []string{"TestAddingWaitsForRoomAndForNothingElse"},
	},
	{
		name: "failure-of-one-lane-alone", cause: "rule 6", takes: "the first failure fails every partition of the processor",
		file: "streams/producer.go", old: "\t\tl.fail(err)\n\t}\n}", new: "\t\tl.fail(err)\n\t\tbreak\n\t}\n}",
		in: "streams", by: []string{"TestTheFirstFailureOfAProducerFailsEveryLane"},
	},
	{
		name: "emitted-after-a-failure", cause: "rule 6", takes: "nothing is sent after a failure",
		file: "streams/producer.go", old: "if p.dead != nil {\n\t\treturn nil, p.dead", new: "if false {\n\t\treturn nil, p.dead",
		in: "streams", by: []string{"TestTheFirstFailureOfAProducerFailsEveryLane"},
	},
	{
		name: "lane-begun-after-a-failure", cause: "rule 6", takes: "a partition that begins after the failure is dead",
		file: "streams/producer.go", old: "\tif dead != nil {\n\t\tl.fail(dead)", new: "\tif false {\n\t\tl.fail(dead)",
		in: "streams", by: []string{"TestTheFirstFailureOfAProducerFailsEveryLane"},
	},
	{
		name: "goka-writes", cause: "goka-acks", takes: "nothing is written through goka",
		file: "streams/producer.go", old: "finish(nil, errNotGokas)", new: "finish(nil, nil)",
		in: "streams", by: []string{"TestGokaIsRefusedToWrite"},
	},
	{
		name: "offset-ahead-of-its-values", cause: "rule 8", takes: "a copy's offset goes to the disk with the values up to it",
		file: "streams/store.go", old: "s.offset.Store(offset)\n\tevery", new: "s.offset.Store(offset)\n\t_ = s.db.Put(positionKey, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(offset)), 0), nil)\n\tevery",
		in: "streams", by: []string{"TestTheOffsetOnDiskNeverRunsAhead"},
	},
	{
		name: "copy-complete-past-others-records", cause: "rule 8", takes: "a copy follows its topic record by record",
		file: "streams/owner.go", old: "return t.copy.SetOffset(r.Offset)", new: "return nil",
		in: "streams", by: []string{"TestAFlushBehindRecordsThatDoNotCountIsWrittenAgain", "TestAnIdleOwnerRepairsWhatItHearsOf"},
	},
	{
		name: "failed-write-not-told", cause: "rule 9", takes: "a write to the disk that fails is told",
		file: "streams/store.go", old: "\t\ts.leaving = nil\n\t\treturn fmt.Errorf(\"write to %s: %w\", s.path, s.failed(err))", new: "\t\ts.leaving = nil\n\t\treturn nil",
		in: "streams", by: []string{"TestAFailedWriteIsToldAndForgetsNothing"},
	},
	{
		name: "failed-write-forgotten", cause: "rule 9", takes: "what could not be written to the disk is still read, and tried again",
		file: "streams/store.go", old: "if _, newer := s.pending[key]; !newer {", new: "if false {",
		in: "streams", by: []string{"TestAFailedWriteIsToldAndForgetsNothing"},
	},
	{
		name: "write-on-its-way-not-read", cause: "rule 8", takes: "readers see a value while it moves from memory to the disk",
		file: "streams/store.go", old: "v, ok = s.leaving[place]", new: "",
		in: "streams", by: []string{"TestReadersSeeAWriteThatIsOnItsWayAndNoneOlder"},
	},
	{
		name: "failed-write-over-a-newer-value", cause: "rule 9", takes: "what was set while a write failed is not set back",
		file: "streams/store.go", old: "if _, newer := s.pending[key]; !newer {", new: "if _, newer := s.pending[key]; !newer || newer {",
		in: "streams", by: []string{"TestReadersSeeAWriteThatIsOnItsWayAndNoneOlder"},
	},
	{
		name: "copy-taken-for-empty", cause: "rule 5", takes: "only a copy that began empty passes over what it has not seen",
		file: "streams/store.go", old: "empty := !it.First()", new: "empty := true && (it.First() || true)",
		in: "streams", by: []string{"TestRestoringFindsWhatIsThere"},
	},
	{
		name: "restored-key-not-remembered", cause: "rule 5", takes: "a copy that is restored knows what it has seen",
		file: "streams/store.go", old: "s.seen.add(key)", new: "",
		in: "streams", by: []string{"TestRestoringFindsWhatIsThere"},
	},
	{
		name: "damaged-copy-kept", cause: "rule 9", takes: "a copy that is damaged is thrown away, and made anew",
		file: "streams/store.go", old: "if corrupted(err) {", new: "if ldberrors.IsCorrupted(nil) {",
		in: "streams", by: []string{"TestADamagedCopyIsThrownAway"},
	},
	{
		name: "promises-kept-by-two", cause: "rule 6", takes: "one at a time keeps promises",
		file: "streams/lane.go", old: "if l.keeping {", new: "if false {",
		in: "streams", by: []string{"TestAPromiseIsKeptAfterTheOneThatIsBeingKept"},
	},
	{
		name: "one-output-waited-for", cause: "rule 6", takes: "an input is done when each output has its outcome",
		file: "streams/lane.go", old: "left: len(outcomes), state: state", new: "left: min(len(outcomes), 1), state: state",
		in: "streams", by: []string{"TestAnInputIsDoneWhenEachOutputHasItsOutcome"},
	},
	{
		name: "dead-lane-decided", cause: "rule 6", takes: "an input waits for room, or for the end of its lane",
		file: "streams/process.go", old: "if err := p.lane.room(); err != nil {", new: "if err := error(nil); err != nil {",
		in: "streams", by: []string{"TestNothingIsDecidedOnceTheLaneIsDead"},
	},
	{
		name: "session-goes-on-after-a-failure", cause: "rule 6", takes: "a failure ends what runs for the processor, and what it has under way",
		file: "streams/producer.go", old: "p.cancel(err)", new: "",
		in: "streams", by: []string{"TestTheFirstFailureOfAProducerFailsEveryLane"},
	},
	{
		name: "failed-records-taken-for-written", cause: "rule 6", takes: "a flush says what became of its records",
		file: "streams/producer.go", old: "wg.Wait()\n\treturn p.failure()", new: "wg.Wait()\n\treturn nil",
		in: "streams", by: []string{"TestWhatCannotBeWrittenFailsBeforeAnythingLaterIsSent", "TestAFlushThatFailsIsInNoCopyAndKeepsNoPromise"},
	},
	{
		name: "repeated-input-waits-for-itself", cause: "rule 4", takes: "a repeated input waits for no room in the outbox that it is in",
		file: "streams/process.go", old: "if in.origin.Version > t.Applied { // a repeated", new: "if true { // a repeated",
		in: "streams", by: []string{"TestARepeatedInputWaitsForNoRoomInItsOutbox"},
	},
	{
		name: "watermark-falls", cause: "rule 8", takes: "a watermark never falls",
		file: "streams/watermark.go", old: "m.version = max(m.version, v)", new: "m.version = v",
		in: "streams", by: []string{"TestWaitersWakeWhenTheirVersionIsShown"},
	},
	{
		name: "watermark-before-its-record", cause: "rule 8", takes: "whoever waits is woken when the record is in the store",
		file: "streams/keep.go", old: "j, err := k.keep(s, r, lostValue)",
		new: "if stored != nil {\n\t\t\tstored(ctx)\n\t\t}\n\t\tj, err := k.keep(s, r, lostValue)",
		in:  "streams", by: []string{"TestARecordIsInTheStoreWhenItIsTold"},
	},
	{
		name: "watermark-not-stored", cause: "rule 8", takes: "the watermark is stored with the values that it stands for",
		file: "streams/follow.go", old: "s.watermark.Store(int64(v.marks.of(ctx.Partition()).raise(version)))", new: "v.marks.of(ctx.Partition()).raise(version)",
		in: "streams", by: []string{"TestAWatermarkOutlivesItsProcess"},
	},
	{
		name: "watermark-forgotten-at-the-start", cause: "rule 8", takes: "a copy that is opened says what it shows",
		file: "streams/positions.go", old: "m.raise(domain.Version(s.watermark.Load()))", new: "_ = m",
		in: "streams", by: []string{"TestAWatermarkOutlivesItsProcess"},
	},
	{
		name: "half-a-copy-shown", cause: "rule 8", takes: "a copy is read when it is restored",
		file: "streams/positions.go", old: "s != nil && s.restored.Load() {", new: "s != nil {",
		in: "streams", by: []string{"TestNothingIsReadFromACopyThatIsBeingRestored"},
	},
	{
		name: "full-memory-believed", cause: "rule 5", takes: "keys beyond those that a restored copy remembers are looked up on disk",
		file: "streams/seen.go", old: "if s == nil || s.full {\n\t\treturn true", new: "if s == nil {\n\t\treturn true",
		in: "streams", by: []string{"TestRestoringFindsWhatIsThere"},
	},
	{
		name: "record-waited-for-without-end", cause: "kgo-stock", takes: "a record is given up after half a minute",
		file: "streams/producer.go", old: "context.WithTimeoutCause(p.ctx, writtenWithin+sharedFor, errNotWritten)", new: "context.WithCancel(p.ctx)",
		in: "streams", by: []string{"TestWhatIsNotWrittenInTimeIsGivenUpByTheMonotonicClock"},
	},
}
