package kafka

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// "Not written" is promised only where it is certain.
func TestWhatAFailedDeliveryMeans(t *testing.T) {
	for kind, errs := range map[domain.Kind][]error{
		domain.TooLarge:    {kerr.MessageTooLarge, kerr.RecordListTooLarge},
		domain.Invalid:     {kerr.InvalidRecord, kerr.InvalidTopicException},
		domain.Unavailable: {kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID},
		domain.Uncertain: {kgo.ErrRecordTimeout, kgo.ErrRecordRetries, kgo.ErrClientClosed, context.Canceled, kerr.NotEnoughReplicasAfterAppend,
			kerr.OutOfOrderSequenceNumber, kerr.RequestTimedOut, kerr.UnknownServerError, errors.New("connection reset")},
	} {
		for _, err := range errs {
			got := classify(err)
			require.Equal(t, kind, domain.KindOf(got), "%v", err)
			require.ErrorIs(t, got, err)
		}
	}
}

func TestABatchIsWhatItsWorstMessageIs(t *testing.T) {
	of := func(kinds ...domain.Kind) *BatchError {
		e := &BatchError{Topic: "t", Total: 9}
		for i, k := range kinds {
			e.Failed = append(e.Failed, Failure{Index: i, Err: fail(k, "reason", errors.New("cause"))})
		}
		return e
	}
	require.Equal(t, domain.Uncertain, domain.KindOf(of(domain.Invalid, domain.TooLarge, domain.Unavailable, domain.Uncertain)))
	require.Equal(t, domain.Unavailable, domain.KindOf(of(domain.Invalid, domain.Unavailable, domain.TooLarge)))
	require.Equal(t, domain.TooLarge, domain.KindOf(of(domain.Invalid, domain.TooLarge)))
	require.Equal(t, domain.Invalid, domain.KindOf(of(domain.Invalid)))
	require.EqualError(t, of(domain.Invalid, domain.Invalid), "publish to t: 2 of 9 messages failed; reason: cause")
}
