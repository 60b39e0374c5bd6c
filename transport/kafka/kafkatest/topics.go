package kafkatest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

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
		"unclean.leader.election.enable": "false", "max.message.bytes": "1048576",
	}}
	made, err := kafka.EnsureTopics(ctx, cl, []kafka.Topic{topic})
	require.NoError(t, err)
	require.Len(t, made, 1)
	again, err := kafka.EnsureTopics(ctx, cl, []kafka.Topic{topic})
	require.NoError(t, err)
	require.Empty(t, again)
	mended := map[string]string{"unclean.leader.election.enable": "true", "max.message.bytes": "2097152", "retention.ms": "604800000"}
	for setting, is := range mended { // somebody set it otherwise
		done, err := kadm.NewClient(cl).AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: setting, Value: &is}}, topic.Name)
		require.NoError(t, err)
		require.NoError(t, done[0].Err)
	}
	require.EventuallyWithT(t, func(t *assert.CollectT) { // every broker learns of it for itself
		dry, err := kafka.EnsureTopics(ctx, cl, []kafka.Topic{topic}, kafka.DryRun())
		require.NoError(t, err)
		require.Len(t, dry, len(mended))
	}, Patience, 20*time.Millisecond)
	changed, err := kafka.EnsureTopics(ctx, cl, []kafka.Topic{topic})
	require.NoError(t, err)
	for _, c := range changed {
		require.Equal(t, kafka.Change{Topic: topic.Name, Setting: c.Setting, From: mended[c.Setting], To: topic.Configs[c.Setting]}, c)
	}
	topic.Partitions = 5
	_, err = kafka.EnsureTopics(ctx, cl, []kafka.Topic{topic})
	require.ErrorContains(t, err, "has partitions 4, it should be 5")
}
