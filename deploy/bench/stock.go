package main

import (
	"context"
	"path/filepath"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// The peer: playback as goka's own examples would write it, over the same decider and codec. It double-applies what comes again after a crash, and commits past
// what failed.

const stockGroup = "stock-playback"

var (
	stockEvents = topics.Topic{Name: "stock.playback.events"}
	stockTable  = topics.Topic{Name: stockGroup + "-table", Keep: topics.Compacted}
)

// startStock leaves goka's settings as they are, but for three without which it would not run: it reads from the oldest record on, it writes each
// record to the partition that its state is in, and it asks for the one replica there is.
func startStock(ctx context.Context, b Backbone, dir string) (p processor, err error) {
	config := goka.DefaultConfig()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	goka.ReplaceGlobalConfig(config)
	tables := goka.NewTopicManagerConfig()
	tables.Table.Replication, tables.Stream.Replication = 1, 1
	s, err := goka.NewProcessor([]string{b.Kafka}, stockPlayback(schemas.Offline()),
		goka.WithHasher(domain.NewKeyHasher),
		goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithTopicManagerConfig(tables)),
		goka.WithStorageBuilder(storage.DefaultBuilder(filepath.Join(dir, "stock"))),
		goka.WithLogger(silent{}),
	)
	if err != nil {
		return p, err
	}
	return running(ctx, s.Run, s.WaitForReadyContext), nil
}

func stockPlayback(codec *schemas.Codec) *goka.GroupGraph {
	fold := func(ctx goka.Context, m any) {
		state, _ := ctx.Value().(domain.PlaybackState)
		c := m.(domain.PlaybackCommand)
		c.Head().Origin = domain.Origin{Partition: ctx.Partition(), Version: domain.NewVersion(0, ctx.Offset())}
		event := domain.Playback.Decide(state, c)
		ctx.SetValue(domain.Playback.Evolve(state, event))
		ctx.Emit(goka.Stream(stockEvents.Name), ctx.Key(), event)
	}
	return goka.DefineGroup(stockGroup,
		goka.Input(goka.Stream(topics.PlaybackCommands.Name), commandCodec{codec}, fold),
		goka.Output(goka.Stream(stockEvents.Name), eventCodec{codec}),
		goka.Persist(stateCodec{codec}),
	)
}

// The house's codec as goka wants it.
type (
	commandCodec struct{ *schemas.Codec }
	eventCodec   struct{ *schemas.Codec }
	stateCodec   struct{ *schemas.Codec }
)

func (c commandCodec) Encode(v any) ([]byte, error) { return c.EncodeCommand(v.(domain.Command)) }
func (c commandCodec) Decode(b []byte) (any, error) { return c.DecodeCommand(b) }

func (c eventCodec) Encode(v any) ([]byte, error) { return c.EncodeEvent(v.(domain.Event)) }
func (c eventCodec) Decode(b []byte) (any, error) { return c.DecodeEvent(b) }

func (c stateCodec) Encode(v any) ([]byte, error) {
	return c.EncodePlaybackTable(&schemas.Table[domain.PlaybackState]{State: v.(domain.PlaybackState)})
}

func (c stateCodec) Decode(b []byte) (any, error) {
	t, err := c.DecodePlaybackTable(b)
	if err != nil {
		return nil, err
	}
	return t.State, nil
}

// silent is a logger of nothing.
type silent struct{}

func (silent) Print(...any)          {}
func (silent) Println(...any)        {}
func (silent) Printf(string, ...any) {}
