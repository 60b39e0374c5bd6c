package kafka

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"

	"ugc/domain"
)

// ErrClosed is in the error of whatever is published after Close.
var ErrClosed = errors.New("the publisher is closed")

// BatchError says which messages of one Publish were not confirmed; all others were written. domain.KindOf of it is Uncertain when any
// message may have been written, else Unavailable, TooLarge or Invalid, in this order.
type BatchError struct {
	Topic  string
	Total  int       // messages in the batch
	Failed []Failure // in the order of the batch
}

// Failure is one message that was not confirmed. The kind of Err (domain.KindOf) says what to do: Invalid and TooLarge were never sent, or were
// refused; Unavailable was not written; Uncertain may be there already or turn up later, so send it again with the same id only.
type Failure struct {
	Index   int // in the batch
	Message *message.Message
	Err     error
}

// Error gives the number of failed messages and the first of each different reason.
func (e *BatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "publish to %s: %d of %d messages failed", e.Topic, len(e.Failed), e.Total)
	seen := map[string]bool{}
	for _, f := range e.Failed {
		s := f.Err.Error()
		if seen[s] {
			continue
		}
		if seen[s] = true; len(seen) > 3 {
			b.WriteString("; …")
			break
		}
		fmt.Fprintf(&b, "; %s", s)
	}
	return b.String()
}

// Unwrap gives the error of the message that decides what the whole batch is (see BatchError).
func (e *BatchError) Unwrap() error {
	rank := map[domain.Kind]int{domain.Uncertain: 4, domain.Unavailable: 3, domain.TooLarge: 2, domain.Invalid: 1}
	var worst error
	best := -1
	for _, f := range e.Failed {
		if r := rank[domain.KindOf(f.Err)]; r > best {
			best, worst = r, f.Err
		}
	}
	return worst
}

func fail(kind domain.Kind, what string, err error) error { return domain.Wrap(kind, what, err) }

// classify says what a failed delivery means. It counts as "not written" only where that is certain: the client sends a batch again and
// again and reports but the last reason.
func classify(err error) error {
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return fail(domain.TooLarge, "larger than the broker takes, send less in one message", err)
	case errors.Is(err, kerr.InvalidRecord), errors.Is(err, kerr.InvalidTopicException):
		return fail(domain.Invalid, "refused by the broker", err)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fail(domain.Unavailable, "the broker does not allow us to write, check the account's rights", err)
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return fail(domain.Unavailable, "the topic does not exist, create it first", err)
	}
	return fail(domain.Uncertain, "the broker did not confirm it, it may or may not be written", err)
}
