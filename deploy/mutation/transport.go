package main

var inTransport = []mutation{
	{
		name: "edge-answers-before-ack", cause: "rule 1", takes: "the publisher waits until every message is confirmed",
		file: "transport/kafka/publisher.go", old: "return f.report(p.await(ctx, f, began))", new: "_ = began\n\treturn nil",
		in: "transport/kafka", by: []string{"TestPublisherOverTheEmbeddedBroker"},
	},
	{
		name: "unconfirmed-called-unwritten", cause: "rule 1", takes: "what was not confirmed may be written all the same, and is called uncertain",
		file: "transport/kafka/batcherror.go", old: "return fail(domain.Uncertain, \"the broker did not", new: "return fail(domain.Unavailable, \"the broker did not",
		in: "transport/kafka", by: []string{"TestWhatAFailedDeliveryMeans"},
	},
	{
		name: "leader-acknowledges-alone", cause: "rule 1", takes: "commands are acknowledged by every replica in sync",
		file: "transport/kafka/kgo.go", old: "kgo.RequiredAcks(kgo.AllISRAcks()),", new: "kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(),",
		in: "transport/kafka", by: []string{"TestKgoHazardsAreSetOnPurpose"},
	},
	{
		name: "commands-written-twice", cause: "rule 1", takes: "the publisher's client is idempotent",
		file: "transport/kafka/kgo.go", old: "kgo.RequiredAcks(kgo.AllISRAcks()),", new: "kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DisableIdempotentWrite(),",
		in: "transport/kafka", by: []string{"TestKgoHazardsAreSetOnPurpose"},
	},
	{
		name: "record-has-the-callers-context", cause: "rule 1", takes: "a caller who gives up takes nobody else's records along",
		file: "transport/kafka/publisher.go", old: "p.client.Produce(life, &e.rec, e.settle)", new: "_ = life\n\t\t\tp.client.Produce(ctx, &e.rec, e.settle)",
		in: "transport/kafka", by: []string{"TestACallerWhoGivesUpDoesNotTakeOthersAlong", "TestACallerWhoGivesUpWhileThereIsNoLeaderDoesNotTakeOthersAlong"},
	},
	{
		name: "kgo-places-by-its-own-rule", cause: "place", takes: "franz-go places records by the one function of the house",
		file: "transport/kafka/kgo.go", old: "kgo.StickyKeyPartitioner(kgo.SaramaCompatHasher(keyHash))", new: "kgo.StickyKeyPartitioner(nil)",
		in: "transport/kafka", by: []string{"TestKgoHazardsAreSetOnPurpose"},
	},
	{
		name: "sarama-places-by-its-own-rule", cause: "place", takes: "sarama places records by the one function of the house",
		file: "transport/kafka/sarama.go", old: "c.Producer.Partitioner = sarama.NewCustomHashPartitioner(domain.NewKeyHasher)", new: "c.Producer.Partitioner, _ = sarama.NewHashPartitioner, domain.NewKeyHasher",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "sarama-not-idempotent", cause: "sarama-stock", takes: "sarama's producer is idempotent",
		file: "transport/kafka/sarama.go", old: "c.Producer.Idempotent = true", new: "c.Producer.Idempotent = false",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "sarama-leader-alone", cause: "sarama-stock", takes: "sarama's producer waits for every replica in sync",
		file: "transport/kafka/sarama.go", old: "c.Producer.RequiredAcks = sarama.WaitForAll", new: "c.Producer.RequiredAcks = sarama.WaitForLocal",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "sarama-many-in-flight", cause: "sarama-stock", takes: "one request at a time keeps the order",
		file: "transport/kafka/sarama.go", old: "c.Net.MaxOpenRequests = 1", new: "c.Net.MaxOpenRequests = 5",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "sarama-gives-up-early", cause: "sarama-stock", takes: "an election of a leader is outlived",
		file: "transport/kafka/sarama.go", old: "c.Producer.Retry.Max, c.Producer.Retry.Backoff = 300,", new: "c.Producer.Retry.Max, c.Producer.Retry.Backoff = 3,",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "sarama-metadata-given-up", cause: "sarama-stock", takes: "a cluster without a leader is asked again",
		file: "transport/kafka/sarama.go", old: "c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 120,", new: "c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 3,",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "sarama-rebalance-given-up", cause: "sarama-stock", takes: "a rebalance is tried for a minute",
		file: "transport/kafka/sarama.go", old: "c.Consumer.Group.Rebalance.Retry.Max, c.Consumer.Group.Rebalance.Retry.Backoff = 60,", new: "c.Consumer.Group.Rebalance.Retry.Max, c.Consumer.Group.Rebalance.Retry.Backoff = 4,",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "sarama-fetch-times-out", cause: "sarama-stock", takes: "a consumer waits longer than a broker holds a fetch back",
		file: "transport/kafka/sarama.go", old: "c.Net.ReadTimeout, c.Net.WriteTimeout = 15*time.Second,", new: "c.Net.ReadTimeout, c.Net.WriteTimeout = 5*time.Second,",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "sarama-makes-topics", cause: "sarama-stock", takes: "a typo makes no topic",
		file: "transport/kafka/sarama.go", old: "AllowAutoTopicCreation = false", new: "AllowAutoTopicCreation = true",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "kgo-waits-for-hung-brokers", cause: "kgo-stock", takes: "a broker that hangs is given up after 5 s: 3 s of its own",
		file: "transport/kafka/kgo.go", old: "kgo.ProduceRequestTimeout(3 * time.Second),", new: "",
		in: "transport/kafka", by: []string{"TestKgoHazardsAreSetOnPurpose"},
	},
	{
		name: "kgo-waits-beyond-the-request", cause: "kgo-stock", takes: "a broker that hangs is given up after 5 s: 2 s for the way",
		file: "transport/kafka/kgo.go", old: "kgo.RequestTimeoutOverhead(2 * time.Second),", new: "",
		in: "transport/kafka", by: []string{"TestKgoHazardsAreSetOnPurpose"},
	},
	{
		name: "kgo-finds-leaders-late", cause: "kgo-stock", takes: "a new leader is found within half a second",
		file: "transport/kafka/kgo.go", old: "kgo.MetadataMinAge(500 * time.Millisecond),", new: "",
		in: "transport/kafka", by: []string{"TestKgoHazardsAreSetOnPurpose"},
	},
	{
		name: "subscriber-starts-at-newest", cause: "watermill-newest", takes: "a group without a commit starts at the first record",
		file: "transport/kafka/sarama.go", old: "c.Consumer.Offsets.Initial = sarama.OffsetOldest", new: "c.Consumer.Offsets.Initial = sarama.OffsetNewest",
		in: "transport/kafka", by: []string{"TestSaramaHazardsAreSetOnPurpose"},
	},
	{
		name: "one-blocking-message-at-a-time", cause: "watermill-blocking", takes: "the messages of a batch are under way together",
		file: "transport/kafka/publisher.go", old: "p.client.Produce(life, &e.rec, e.settle)",
		new: "e.settle(&e.rec, p.client.ProduceSync(life, &e.rec).FirstErr())",
		in:  "transport/kafka", by: []string{"TestABatchIsUnderWayAtOnce"},
	},
	{
		name: "record-without-a-key", cause: "watermill-key", takes: "a message without a key is refused",
		file: "transport/kafka/message.go", old: "\tif !ok {\n\t\treturn fmt.Errorf(\"marshal message %s: %w\", msg.UUID, errNoKey)", new: "\tif !ok && key != \"\" {\n\t\treturn fmt.Errorf(\"marshal message %s: %w\", msg.UUID, errNoKey)",
		in: "transport/kafka", by: []string{"TestPublisherOverTheEmbeddedBroker"},
	},
	{
		name: "command-without-its-key", cause: "watermill-key", takes: "a command's record has the key user/movie",
		file: "transport/kafka/commandlog.go", old: "msg.Metadata[MetadataKey] = c.Head().Key()", new: "msg.Metadata[MetadataKey] = c.Head().Movie",
		in: "transport/kafka", by: []string{"TestCommandsAreWrittenUnderTheirKey"},
	},
	{
		name: "commands-keep-fibers-buffers", cause: "fiber-buffers", takes: "what is kept of a request body is a copy",
		file: "transport/http/v2/events.go", old: "string(exchange.Body(c))", new: "unsafe.String(unsafe.SliceData(exchange.Body(c)), len(exchange.Body(c)))", needs: "unsafe",
		in: "transport/http/v2", by: []string{"TestEventsKeepNothingOfTheRequest"},
	},
	{
		name: "answer-in-a-pooled-buffer", cause: "fiber-buffers", takes: "an answer is not in a buffer that goes back to a pool",
		file: "transport/http/v2/events.go", old: "c.Status(status).Response().SetBody(in.out)", new: "c.Status(status).Response().SetBodyRaw(in.out)",
		in: "transport/http/v2", by: []string{"TestAnswersOutliveTheirHandler"},
	},
}
