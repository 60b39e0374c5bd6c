package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"ugc/domain"
)

// Options say where to send and how hard. The zero value of each takes the default that its comment gives.
type Options struct {
	URL      string        // of the service, http://127.0.0.1:8000
	Key      string        // API key, where the service asks for one
	Batch    int           // events a request, 500
	Parallel int           // requests at once, 4
	Patience time.Duration // how long an unavailable service is tried again for one request, 1 minute
	Visible  time.Duration // how long to wait at the end until reads show everything, 1 minute
	Client   *http.Client  // with a time-out of 30 s
	Sent     func(n int)   // told after every batch, from several goroutines
}

func (o *Options) defaults() {
	if o.URL == "" {
		o.URL = "http://127.0.0.1:8000"
	}
	if o.Batch <= 0 {
		o.Batch = 500
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Patience <= 0 {
		o.Patience = time.Minute
	}
	if o.Visible <= 0 {
		o.Visible = time.Minute
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 30 * time.Second}
	}
	if o.Sent == nil {
		o.Sent = func(int) {}
	}
}

// MovieLens sends every rating of a file and returns how many were accepted. The whole file is checked before the first is sent, so a bad
// line changes nothing. What the service cannot take now is sent again with the same ids, which is safe at any time. At
// the end it waits until the ratings can be read.
func MovieLens(ctx context.Context, path string, o Options) (accepted int, err error) {
	o.defaults()
	total := 0
	if err := ScanMovieLens(path, func(Event) error { total++; return ctx.Err() }); err != nil {
		return 0, fmt.Errorf("nothing was sent: %w", err)
	}
	if total == 0 {
		return 0, nil
	}
	var (
		count  atomic.Int64
		tokens = make(chan domain.Token, o.Parallel)
		merged = make(chan domain.Token, 1)
		last   Event
	)
	go func() {
		var all domain.Token
		for t := range tokens {
			for _, m := range t {
				all = all.Add(m)
			}
		}
		merged <- all
	}()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Parallel)
	batch := make([]Event, 0, o.Batch)
	send := func() {
		events := batch
		batch = make([]Event, 0, o.Batch)
		g.Go(func() error {
			token, err := o.post(gctx, events)
			if err != nil {
				return err
			}
			tokens <- token
			count.Add(int64(len(events)))
			o.Sent(len(events))
			return nil
		})
	}
	err = ScanMovieLens(path, func(e Event) error {
		if batch, last = append(batch, e), e; len(batch) == o.Batch {
			send()
		}
		return gctx.Err()
	})
	if len(batch) > 0 && err == nil {
		send()
	}
	err = errors.Join(g.Wait(), ignoreCancelled(err))
	close(tokens)
	token := <-merged
	if err != nil {
		return int(count.Load()), fmt.Errorf("%w\n%d of %d ratings were accepted; import the file again to send the rest, which changes nothing that was sent", err, count.Load(), total)
	}
	return int(count.Load()), o.await(ctx, token, last)
}

// ignoreCancelled drops the echo of an error that the group reports itself.
func ignoreCancelled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// post sends one batch until it is accepted, refused, or patience ends.
func (o *Options) post(ctx context.Context, events []Event) (domain.Token, error) {
	body, err := json.Marshal(events)
	if err != nil {
		return nil, fmt.Errorf("encode events: %w", err)
	}
	deadline := time.Now().Add(o.Patience)
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		token, retry, err := o.try(ctx, body, len(events))
		if err == nil || !retry || time.Now().Add(pause).After(deadline) {
			return token, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// answer is what POST /api/v2/events says of a batch.
type answer struct {
	Items []struct {
		EventID string          `json:"event_id"`
		Status  string          `json:"status"`
		Errors  json.RawMessage `json:"errors"`
	} `json:"items"`
}

// identify says who sends a request, where the service asks.
func (o *Options) identify(r *http.Request) {
	if o.Key != "" {
		r.Header.Set("X-Api-Key", o.Key)
	}
}

func (o *Options) try(ctx context.Context, body []byte, n int) (token domain.Token, retry bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL+"/api/v2/events", bytes.NewReader(body))
	if err != nil {
		return nil, false, fmt.Errorf("send events: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	o.identify(req)
	resp, err := o.Client.Do(req)
	if err != nil {
		return nil, ctx.Err() == nil, fmt.Errorf("send events: %w; is the service running? (make run, or name it with --url)", err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return nil, true, fmt.Errorf("send events: read the answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		again := resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusTooManyRequests
		return nil, again, fmt.Errorf("send events: the service answered %s: %s", resp.Status, clip(text))
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil || len(a.Items) != n {
		return nil, false, fmt.Errorf("send events: the service answered %s but says nothing of each event: %s", resp.Status, clip(text))
	}
	for _, item := range a.Items {
		switch item.Status {
		case "accepted":
		case "unavailable", "uncertain":
			return nil, true, fmt.Errorf("send events: %s was not taken: %s", item.EventID, item.Status)
		default:
			return nil, false, fmt.Errorf("send events: %s was refused: %s %s", item.EventID, item.Status, clip(item.Errors))
		}
	}
	token, err = domain.ParseToken(resp.Header.Get("Consistency-Token"))
	return token, false, err
}

// await reads with the token of all writes until the service shows them.
func (o *Options) await(ctx context.Context, token domain.Token, last Event) error {
	ctx, cancel := context.WithTimeout(ctx, o.Visible)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.URL+"/api/v2/users/"+last.UserID+"/ratings?limit=1", nil)
		if err != nil {
			return fmt.Errorf("wait until the ratings can be read: %w", err)
		}
		o.identify(req)
		req.Header.Set("Consistency-Token", token.String())
		req.Header.Set("Prefer", "wait="+strconv.Itoa(10))
		resp, err := o.Client.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("all ratings were accepted, but cannot all be read after %s; they will be", o.Visible)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func clip(b []byte) string {
	if len(b) > 500 {
		return string(b[:500]) + "…"
	}
	return string(b)
}
