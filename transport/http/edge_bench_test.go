package edge

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
)

// away takes commands and forgets them.
type away struct{}

func (away) Append(_ context.Context, commands []domain.Command) []handlers.Receipt {
	receipts := make([]handlers.Receipt, len(commands))
	for i := range receipts {
		receipts[i].Mark = domain.Mark{Topic: "ugc.playback.commands.v1", Partition: 3, Version: 123456}
	}
	return receipts
}

// BenchmarkSingleEvent is what the edge itself costs for one event, without network and log.
func BenchmarkSingleEvent(b *testing.B) {
	house := &handlerstest.House{}
	w := house.Writing()
	w.Log, w.Now = away{}, func() domain.Instant { return domain.Instant(time.Now().UnixMilli()) }
	s, err := New(Options{Writing: w, Positions: house, Opinions: house, Summaries: house, Open: true})
	require.NoError(b, err)
	handle := s.app.Handler()
	request := new(fasthttp.Request)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.Header.SetContentType("application/json")
	request.SetRequestURI("/api/v2/events")
	request.SetBodyString(`{"type":"heartbeat","event_id":"0198c0de-0000-7000-8000-000000000001","user_id":"user-123","movie_id":"tt1000012","session_id":"living-room-1","device_id":"tv","sequence":12,"occurred_at":1767225600000,"sent_at":1767225600040,"position_ms":120000,"duration_ms":7200000}`)
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(request, nil, nil)
	b.ReportAllocs()
	for b.Loop() {
		ctx.ResetUserValues()
		ctx.Response.Reset()
		handle(ctx)
	}
	require.Equal(b, fasthttp.StatusAccepted, ctx.Response.StatusCode(), "%s", ctx.Response.Body())
}
