package main

import (
	"context"
	"encoding/json"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// bareEvent is a playback report as the players send it.
type bareEvent struct {
	Type       string `json:"type"`
	EventID    string `json:"event_id"`
	UserID     string `json:"user_id"`
	MovieID    string `json:"movie_id"`
	SessionID  string `json:"session_id"`
	DeviceID   string `json:"device_id"`
	Sequence   int64  `json:"sequence"`
	OccurredAt int64  `json:"occurred_at"`
	SentAt     int64  `json:"sent_at"`
	Position   int64  `json:"position_ms"`
	Duration   int64  `json:"duration_ms"`
}

// bare is the peer of the edge: what a service does at the least that decodes, encodes, produces and waits. It checks nothing, names no request,
// counts nothing and logs nothing.
type bare struct {
	codec  *schemas.Codec
	client *kgo.Client
}

// startBare runs the peer.
func startBare(ctx context.Context, _ *Workplace, b Backbone) (s server, err error) {
	if err := b.MakeTopics(ctx, topics.PlaybackCommands); err != nil {
		return s, err
	}
	registry, err := schemas.Connect(schemas.Remote{URL: b.Registry})
	if err != nil {
		return s, err
	}
	h := &bare{}
	if h.codec, err = schemas.New(ctx, schemas.Options{Registry: registry}); err != nil {
		return s, err
	}
	if h.client, err = b.client(); err != nil {
		return s, err
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/api/v2/events", h.post)
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return s, err
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln) }()
	return server{addr: ln.Addr().String(), stop: func() error {
		defer h.client.Close()
		if err := app.ShutdownWithTimeout(5 * time.Second); err != nil {
			return err
		}
		return <-served
	}}, nil
}

func (h *bare) post(c *fiber.Ctx) error {
	body := c.Body()
	if len(body) > 0 && body[0] == '[' {
		return h.postBatch(c, body)
	}
	var e bareEvent
	if err := json.Unmarshal(body, &e); err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	record, err := h.record(&e)
	if err != nil {
		return fiber.NewError(fiber.StatusUnprocessableEntity, err.Error())
	}
	if err := h.client.ProduceSync(c.UserContext(), record).FirstErr(); err != nil {
		return fiber.NewError(fiber.StatusServiceUnavailable, err.Error())
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(fiber.StatusAccepted).SendString(`{"event_id":"` + e.EventID + `","status":"accepted"}`)
}

func (h *bare) postBatch(c *fiber.Ctx, body []byte) error {
	var events []bareEvent
	if err := json.Unmarshal(body, &events); err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	records := make([]*kgo.Record, len(events))
	for i := range events {
		var err error
		if records[i], err = h.record(&events[i]); err != nil {
			return fiber.NewError(fiber.StatusUnprocessableEntity, err.Error())
		}
	}
	if err := h.client.ProduceSync(c.UserContext(), records...).FirstErr(); err != nil {
		return fiber.NewError(fiber.StatusServiceUnavailable, err.Error())
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(fiber.StatusAccepted).SendString(`{"status":"accepted"}`)
}

// The headers of the record that the edge writes: the broker shall have the same to do.
var contentType = []byte(topics.ContentTypeAvro)

func (h *bare) record(e *bareEvent) (*kgo.Record, error) {
	id, err := domain.ParseID(e.EventID)
	if err != nil {
		return nil, err
	}
	kind, ok := domain.ParseReportType(e.Type)
	if !ok {
		return nil, fiber.ErrUnprocessableEntity
	}
	value, err := h.codec.EncodeCommand(&domain.RecordPlayback{
		Fact: domain.Fact{
			ID: id, User: e.UserID, Movie: e.MovieID, Session: e.SessionID, Device: e.DeviceID, Sequence: e.Sequence,
			OccurredAt: domain.Instant(e.OccurredAt), SentAt: domain.Instant(e.SentAt), ReceivedAt: domain.Instant(time.Now().UnixMilli()),
		},
		Type: kind, Position: domain.Millis(e.Position), Duration: domain.Millis(e.Duration),
	})
	if err != nil {
		return nil, err
	}
	name := []byte(e.EventID)
	return &kgo.Record{
		Topic: topics.PlaybackCommands.Name, Key: []byte(e.UserID + "/" + e.MovieID), Value: value,
		Headers: []kgo.RecordHeader{{Key: "_watermill_message_uuid", Value: name}, {Key: topics.HeaderCommandID, Value: name}, {Key: topics.HeaderContentType, Value: contentType}},
	}, nil
}
