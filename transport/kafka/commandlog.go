package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas/topics"
)

// CommandEncoder turns a command into the bytes of its record. *schemas.Codec is one.
type CommandEncoder interface {
	EncodeCommand(domain.Command) ([]byte, error)
}

// CommandLog implements handlers.CommandLog over any watermill publisher that leaves the Position in the messages it wrote and
// returns a *BatchError for the others, as Publisher does.
type CommandLog struct {
	publisher message.Publisher
	encode    CommandEncoder
	epoch     int16
}

var _ handlers.CommandLog = (*CommandLog)(nil)

// NewCommandLog writes through the publisher, which stays the caller's to close. The epoch is that of the topics.
func NewCommandLog(p message.Publisher, e CommandEncoder, epoch int16) *CommandLog {
	return &CommandLog{publisher: p, encode: e, epoch: epoch}
}

// Append implements handlers.CommandLog. Commands of several contexts go to several topics, at the same time.
func (l *CommandLog) Append(ctx context.Context, commands []domain.Command) []handlers.Receipt {
	receipts := make([]handlers.Receipt, len(commands))
	var room [2]batch // a topic for each context
	batches := room[:0]
	for i, c := range commands {
		payload, err := l.encode.EncodeCommand(c)
		if err != nil {
			receipts[i].Err = fmt.Errorf("encode command: %w", err)
			continue
		}
		msg := message.NewMessage(c.Head().ID.String(), payload)
		msg.Metadata[MetadataKey] = c.Head().Key()
		msg.SetContext(ctx)
		batches = place(batches, topics.Of(c).Name, len(commands), msg, i)
	}
	if len(batches) == 1 {
		l.publish(batches[0], commands, receipts)
		return receipts
	}
	var all sync.WaitGroup
	for _, b := range batches {
		all.Go(func() { l.publish(b, commands, receipts) })
	}
	all.Wait()
	return receipts
}

// batch is what goes to one topic; index says where each message stands among the commands.
type batch struct {
	topic string
	msgs  []*message.Message
	index []int
}

func place(batches []batch, topic string, room int, msg *message.Message, at int) []batch {
	for i := range batches {
		if b := &batches[i]; b.topic == topic {
			b.msgs, b.index = append(b.msgs, msg), append(b.index, at)
			return batches
		}
	}
	b := batch{topic: topic, msgs: make([]*message.Message, 0, room), index: make([]int, 0, room)}
	b.msgs, b.index = append(b.msgs, msg), append(b.index, at)
	return append(batches, b)
}

// publish writes one batch and fills in the receipts of its commands, which nobody else touches.
func (l *CommandLog) publish(b batch, commands []domain.Command, receipts []handlers.Receipt) {
	err := l.publisher.Publish(b.topic, b.msgs...)
	failed, some := errors.AsType[*BatchError](err)
	switch {
	case some:
		for _, f := range failed.Failed {
			receipts[b.index[f.Index]].Err = f.Err
		}
	case err != nil: // a publisher that does not say which: all may or may not be written
		for _, i := range b.index {
			receipts[i].Err = domain.Wrap(domain.Uncertain, "publish command", err)
		}
	}
	for n, msg := range b.msgs {
		i := b.index[n]
		if partition, offset, ok := Position(msg); ok && receipts[i].Err == nil {
			receipts[i].Mark = domain.Mark{Topic: b.topic, Partition: partition, Version: domain.NewVersion(l.epoch, offset)}
		}
	}
}
