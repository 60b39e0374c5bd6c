package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// maxPolled bounds the records of one Poll.
const maxPolled = 10_000

// Poll gives the next records of a client that reads what is known to be there. It is an error of kind Unavailable when nothing comes for so long, and
// any error of a partition.
func Poll(ctx context.Context, client *kgo.Client, within time.Duration) ([]*kgo.Record, error) {
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	fetches := client.PollRecords(bounded, maxPolled)
	if err := fetches.Err0(); err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, &domain.Error{Kind: domain.Unavailable, Message: fmt.Sprintf("nothing came for %s", within)}
		}
		return nil, err
	}
	var failed error
	fetches.EachError(func(_ string, _ int32, err error) { failed = errors.Join(failed, err) })
	return fetches.Records(), failed
}
