package brokertest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker/brokertest"
)

func TestStartedBrokerKeepsRecordsAndMakesNoTopics(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokertest.Start(t)), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
	require.NoError(t, err)
	defer cl.Close()

	require.Error(t, cl.ProduceSync(ctx, &kgo.Record{Topic: "made-by-nobody", Value: []byte("v")}).FirstErr())

	_, err = kadm.NewClient(cl).CreateTopic(ctx, 2, 1, nil, "t")
	require.NoError(t, err)
	require.NoError(t, cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr())
}
