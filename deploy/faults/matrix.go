package faults

// Matrix is everything that is broken on purpose, in the words of those who asked for it.
var Matrix = []Fault{
	{
		Name:   "kill -9 of the whole process at random moments under load, also while it starts",
		Broken: "the process; every part of it at once",
		Holds:  "I1 I2 I3 I5 I6",
		Tests: tests{
			"deploy/e2e": {"TestKillsUnderLoad", "TestTheMainJob"},
		},
	},
	{
		Name:   "kill -9 of one part",
		Broken: "processors, document store or broker, between any two effects and within them",
		Holds:  "I1 I2 I6",
		Tests: tests{
			"streams":                {"TestKillingTheProcessLosesAndDoublesNothing", "TestNoEventLeavesBeforeItsValueIsWritten", "TestAnEventThatWasLostIsTheSameUnderOtherRules", "TestAnyHistoryOfCrashesGivesThePureFold", "TestTheModelFindsTheFaultsThatTheCuresAreFor"},
			"projections":            {"TestTheViewIsTheFoldWhateverDies", "TestDeathAfterEachEffect"},
			"projections/sqlite":     {"TestWhatWasAcknowledgedSurvivesKill"},
			"deploy/embedded/broker": {"TestKillMinus9LosesNothingThatWasAcknowledged", "TestKilledInMidCompactionLosesNoKey"},
			"transport/kafka":        {"TestKilledBrokerUnderLoad"},
		},
	},
	{
		Name:   "local state lost",
		Broken: "copies of the tables, positions view, document store, ClickHouse, cache of schema ids, the registry's file",
		Holds:  "I1 I2 I4 I6",
		Tests: tests{
			"deploy/e2e":  {"TestLocalStateLostOrOlder", "TestARegistryThatLostItsSchemasIsFilledAgain"},
			"streams":     {"TestADamagedCopyIsThrownAway"},
			"projections": {"TestAStoreThatWasLostIsFilledAgain"},
			"schemas":     {"TestARegistryThatLostItsSchemasGivesTheSameIDs"},
		},
	},
	{
		Name:   "local state older",
		Broken: "the same, an earlier state put back",
		Holds:  "I1 I2 I4 I6",
		Tests: tests{
			"deploy/e2e": {"TestLocalStateLostOrOlder"},
			"streams":    {"TestTheOffsetOnDiskNeverRunsAhead"},
		},
	},
	{
		Name:   "local state ahead of its topic",
		Broken: "copies of the tables whose records were never written; views and tables over an older log, which is said and not passed over",
		Holds:  "I2 I3 I6",
		Tests: tests{
			"streams":     {"TestACopyAheadOfItsTopicIsWrittenAgain", "TestATopicThatWasMadeAnewIsNotTakenForTheOldOne"},
			"projections": {"TestALogThatLostItsEndIsSaid"},
			"deploy/e2e":  {"TestALogThatIsOlderThanWhatWasMadeOfItIsSaid"},
		},
	},
	{
		Name:   "the ClickHouse child killed in mid-insert",
		Broken: "the engine, while it writes a part",
		Holds:  "I1 I6",
		Tests: tests{
			"deploy/e2e":                 {"TestTheEngineDiesInMidInsert", "TestTheEngineMayDie"},
			"deploy/embedded/clickhouse": {"TestAcknowledgedInsertsSurviveKills"},
		},
	},
	{
		Name:   "the reply of a store lost after its write",
		Broken: "document store and ClickHouse: rows, watermarks, blocked keys",
		Holds:  "I1 I6",
		Tests: tests{
			"projections":            {"TestALostReplyOfTheStoreChangesNothing", "TestDeathAfterEachEffect"},
			"projections/clickhouse": {"TestALostReplyCountsNothingTwice", "TestABatchThatIsRetriedCountsOnce"},
		},
	},
	{
		Name:   "every message delivered twice",
		Broken: "all consumers of the program, each of the groups and views",
		Holds:  "I1 I2 I6",
		Tests: tests{
			"deploy/e2e":             {"TestEveryMessageIsDeliveredTwice", "TestTheMainJob"},
			"streams":                {"TestInputsThatComeAgainChangeNothing"},
			"projections/sqlite":     {"TestDocumentViewsKeepTheContractOfSinks"},
			"projections/clickhouse": {"TestSinksKeepTheContract"},
		},
	},
	{
		Name:   "redelivery in another order across keys",
		Broken: "tables and views, to who has seen it all and to who has seen nothing",
		Holds:  "I2 I3",
		Tests: tests{
			"streams":                {"TestRedeliveryInAnotherOrderAcrossKeysChangesNothing"},
			"projections/sqlite":     {"TestDocumentViewsKeepTheContractOfSinks"},
			"projections/clickhouse": {"TestSinksKeepTheContract"},
		},
	},
	{
		Name:   "poison bytes in every topic, up to the size that the broker takes",
		Broken: "commands, events, tables, re-keyed feedback, dead letters",
		Holds:  "I6; other keys go on",
		Tests: tests{
			"deploy/e2e":   {"TestPoisonInEveryTopic", "TestHostileRecordsInEveryTopic"},
			"schemas":      {"TestLettersFitWhateverTheyAreAbout", "TestManyIDsThatNeverComeAreNotWaitedForEach"},
			"streams":      {"TestPoisonIsSetAsideAndHoldsUpItsKeyAlone", "TestRecordsOfNoOrAnothersKeyAreSetAsideWithoutAState", "TestForeignRecordsOfATableHoldUpNobody", "TestForeignRecordsOfATableArePassedOver", "TestEveryTableIsRepairedByItsOwner", "TestAValueThatWasCompactedAwayIsRebuilt", "TestATableValueThatCannotBeReadIsNeverOverwritten", "TestHostileInputsAreSetAsideInBounds", "TestHostileRecordsOfTablesHoldUpNobody"},
			"projections":  {"TestBadRecordsAreSetAsideWholeAndOtherKeysGoOn", "TestRecordsOfAKeyWaitBehindABadOne", "TestHostileEventsAreSetAsideInBounds", "TestATablesNextValueMakesGoodABadOne"},
			"deploy/audit": {"TestJustifiedDeadLettersAreOutcomes", "TestLettersWithoutACauseAreDifferences", "TestForeignRecordsAreNamed"},
		},
	},
	{
		Name:   "a processor paused past its session (SIGSTOP), then going on while its successor works",
		Broken: "the topic of each table, restored copy, view; also after compaction",
		Holds:  "I2 I3",
		Tests: tests{
			"streams": {"TestAPausedProcessorThatGoesOnBesideItsSuccessorChangesNothing", "TestTwoOwnersOfOnePartitionMakeOneEvent", "TestAZombiesLateWriteIsNeitherShownNorRestoredAndIsRepaired", "TestEveryTableIsRepairedByItsOwner", "TestOnlyARecordThatStandsWhereItWasMeantToCounts", "TestPartitionsMoveBetweenMembersUnderLoad"},
		},
	},
	{
		Name:   "a zombie consumer that writes late into a view",
		Broken: "documents and ClickHouse",
		Holds:  "I1 I3",
		Tests: tests{
			"projections":            {"TestAZombieThatWritesLateChangesNothing", "TestASecondEngineSharesThePartitions"},
			"projections/sqlite":     {"TestDocumentViewsKeepTheContractOfSinks"},
			"projections/clickhouse": {"TestSinksKeepTheContract"},
		},
	},
	{
		Name:   "the broker restarted, its logs torn",
		Broken: "the end of every segment and of the group offsets, in mid-batch",
		Holds:  "I1 I2 I6",
		Tests: tests{
			"deploy/e2e":             {"TestTornLogs"},
			"deploy/embedded/broker": {"TestTornTailsAreCutOffAndWhatFollowsIsKept", "TestTruncatedTailsLoseNoMoreThanTheLastWrite", "TestAFirstBatchThatWasTornLeavesAnEmptyLog", "TestDerivedFilesMayBeDamagedOrGone", "TestDamageThatNoCrashExplainsIsRefused", "TestARepeatedBatchIsKnownAfterACrash"},
			"streams":                {"TestStreamsAndViewOutliveTheirBroker"},
		},
	},
	{
		Name:   "disk full, then space again",
		Broken: "a small file system under all data (mounted where root may), the broker's reserve, the document store, the ClickHouse engine, a write that fails",
		Holds:  "I1 I5 I6",
		Tests: tests{
			"deploy/e2e":                 {"TestAFullDiskIsRefusedAndGoesOnWhenThereIsSpace"},
			"deploy/embedded/broker":     {"TestAFullDiskRefusesWritesUntilThereIsSpace", "TestAWriteThatFailsIsNotAcknowledgedAndEndsTheBroker"},
			"deploy/embedded/clickhouse": {"TestAFullDiskEndsTheEngine"},
			"projections/sqlite":         {"TestAFullDiskIsUnavailableAndGoesOnWhenThereIsSpace"},
		},
	},
	{
		Name:   "clock steps",
		Broken: "the wall clock of the whole program, back and forward by seconds and days",
		Holds:  "I1 I2; no position goes back, no wait reads it",
		Tests: tests{
			"deploy/e2e": {"TestClockSteps"},
			"handlers":   {"TestPositionsOutliveStepsOfTheClock"},
			"streams":    {"TestWhatIsNotWrittenInTimeIsGivenUpByTheMonotonicClock"},
		},
	},
	{
		Name:   "a write that is refused while later ones pass",
		Broken: "producers of the processors",
		Holds:  "I2 I3 I6",
		Tests: tests{
			"streams": {"TestAFailedEmitIsNotCommittedPast", "TestPromisesAreKeptInTheOrderOfInputs", "TestAfterAFailureNoPromiseIsKept", "TestARecordThatFailsWhileStoppingIsNotCommitted"},
		},
	},
	{
		Name:   "a store, a registry or a broker that is away",
		Broken: "projections, processors, publisher",
		Holds:  "I1 I5 I6; nothing fills the dead letters",
		Tests: tests{
			"projections":     {"TestAStoreThatIsDownKeepsTheMemberAndFillsNoDeadLetters", "TestAStoreThatIsDownAtTheStartIsWaitedFor", "TestARegistryThatIsAwayStallsAndFillsNoDeadLetters", "TestDeadLettersThatCannotBeWrittenStallTheView", "TestABrokerThatIsAwayIsWaitedForAndTheStopIsBounded"},
			"streams":         {"TestTroubleThatMayPassStallsInsteadOfSettingAside"},
			"transport/kafka": {"TestPublishingWithoutABrokerFailsInTimeAndWorksOnceThereIsOne"},
		},
	},
	{
		Name:   "logs that lost their ends, each its own",
		Broken: "commands, events, tables and commits after a power cut; offsets that were given twice; topics that lost all",
		Holds:  "I1 I2 I6; what cannot be made good stops its group, and is said",
		Tests: tests{
			"streams":      {"TestEndsThatAPowerCutTookAreMadeGood", "TestCommandsUnderOldOffsetsAreDecidedBehindTheOldEnd", "TestAGapInAnInputStopsTheGroup", "TestALostTableOfMoviesIsFoldedAgain"},
			"deploy/audit": {"TestCommandsUnderOldOffsetsAreNoDifferences", "TestDisplacedCommandsStandOnceMore"},
		},
	},
}
