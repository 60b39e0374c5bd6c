package kafkatest

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"ugc/transport/kafka"
)

// Topics is the contract of kafka.EnsureTopics, to be run against any broker: made once, found as it was made, and refused where
// it would have to change in a way that loses order.
func Topics(t *testing.T, s kafka.Settings) {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	cl := Client(t, s)
	topic := kafka.Topic{Name: "test." + uuid.NewString(), Partitions: 4, Configs: map[string]string{
		"cleanup.policy": "compact", "min.compaction.lag.ms": "86400000", "retention.ms": "-1", "retention.bytes": "-1",
	}}
	made, err := kafka.EnsureTopics(ctx, cl, []kafka.Topic{topic})
	require.NoError(t, err)
	require.Len(t, made, 1)
	again, err := kafka.EnsureTopics(ctx, cl, []kafka.Topic{topic})
	require.NoError(t, err)
	require.Empty(t, again)
	topic.Partitions = 5
	_, err = kafka.EnsureTopics(ctx, cl, []kafka.Topic{topic})
	require.ErrorContains(t, err, "has partitions 4, it should be 5")
}
