package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ugc/domain"
)

// newClient keeps n connections. It follows no redirect, which could lead to a host that nobody allowed, and asks no proxy.
func newClient(n int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: n, MaxIdleConnsPerHost: n, MaxIdleConns: n, DisableCompression: true, IdleConnTimeout: time.Minute,
			DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what one request became.
type answer struct {
	fates []verdict // one for each delivery of the request
	token domain.Token
	why   string        // in few words, where not everything was accepted
	fault string        // what no service may answer; it is a difference
	after time.Duration // how long the service asks to wait
}

// verdict is what an answer says of one delivery.
type verdict uint8

const (
	isUnknown  verdict = iota // may be written
	isAccepted                // is written
	isAbsent                  // is not written; worth trying again
	isRefused                 // is not written, and never will be
)

// body is what POST /api/v2/events answers: the item of a single event, the items of a batch, or a problem with or without items.
type body struct {
	Type  string `json:"type"`
	Items []item `json:"items"`
	item
}

type item struct {
	EventID string          `json:"event_id"`
	Status  json.RawMessage `json:"status"` // of an item a text; of a problem the number of the answer
	Errors  []struct {
		Code string `json:"code"`
	} `json:"errors"`
}

// aboutAnother is an answer that was mixed up with another one: nothing is known of the event that was sent.
const aboutAnother = "an answer about another event"

// verdict of an item, and in few words why.
func (i *item) verdict(id domain.ID) (verdict, string) {
	switch status := string(i.Status); {
	case status == `"invalid"`:
		return isRefused, "called invalid"
	case i.EventID != id.String():
		return isUnknown, aboutAnother
	case status == `"accepted"`:
		return isAccepted, ""
	case status == `"unavailable"` && len(i.Errors) > 0 && i.Errors[0].Code == "unavailable":
		return isAbsent, "unavailable"
	case status == `"unavailable"`:
		return isUnknown, "uncertain"
	}
	return isUnknown, "status " + clip(i.Status)
}

// identify says who sends a request, where the service asks.
func (o *Options) identify(r *http.Request) {
	if o.Key != "" {
		r.Header.Set("X-Api-Key", o.Key)
	}
}

// post sends one body with n deliveries and reads what became of each.
func post(ctx context.Context, o *Options, text []byte, ids []domain.ID) answer {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL+"/api/v2/events", bytes.NewReader(text))
	if err != nil {
		return all(len(ids), isAbsent, err.Error())
	}
	req.Header.Set("Content-Type", "application/json")
	o.identify(req)
	resp, err := o.Client.Do(req)
	if err != nil {
		return lost(len(ids), err)
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return lost(len(ids), err)
	}
	a := read(resp.StatusCode, content, ids)
	if a.why == aboutAnother {
		a.fault = fmt.Sprintf("%d about another event than %s: %s", resp.StatusCode, ids[0], clip(content))
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		a.after = time.Duration(min(max(0, seconds), 5)) * time.Second
	}
	if token, err := domain.ParseToken(resp.Header.Get("Consistency-Token")); err == nil {
		a.token = token
	}
	return a
}

func all(n int, v verdict, why string) answer {
	fates := make([]verdict, n)
	for i := range fates {
		fates[i] = v
	}
	return answer{fates: fates, why: why}
}

// lost is a request without an answer. Where no connection came about nothing can have been written.
func lost(n int, err error) answer {
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return all(n, isAbsent, "no connection")
	case errors.Is(err, context.DeadlineExceeded):
		return all(n, isUnknown, "no answer in time")
	case errors.Is(err, context.Canceled):
		return all(n, isUnknown, "interrupted")
	}
	return all(n, isUnknown, "connection lost")
}

// read says what an answer says.
func read(status int, content []byte, ids []domain.ID) answer {
	var b body
	n := len(ids)
	if err := json.Unmarshal(content, &b); err != nil && status/100 == 2 {
		return all(n, isUnknown, "a 2xx that cannot be read")
	}
	kind := b.Type[strings.LastIndexByte(b.Type, '/')+1:]
	switch {
	case len(b.Items) > 0 && len(b.Items) == n:
		return b.each(ids)
	case status/100 == 2 && n == 1 && b.EventID != "":
		v, why := b.verdict(ids[0])
		return all(1, v, why)
	case status/100 == 2:
		return all(n, isUnknown, fmt.Sprintf("a %d that does not say what became of each event", status))
	case status == http.StatusServiceUnavailable && kind == "unavailable", status == http.StatusTooManyRequests:
		return all(n, isAbsent, fmt.Sprintf("%d %s", status, kind))
	case status >= 500, status == http.StatusRequestTimeout:
		return all(n, isUnknown, fmt.Sprintf("%d %s", status, kind))
	}
	return all(n, isRefused, fmt.Sprintf("%d %s: %s", status, kind, clip(content)))
}

// each is an answer that says what became of each event.
func (b *body) each(ids []domain.ID) answer {
	a := answer{fates: make([]verdict, len(ids))}
	for i := range b.Items {
		var why string
		if a.fates[i], why = b.Items[i].verdict(ids[i]); why != "" && a.why != aboutAnother {
			a.why = why
		}
	}
	return a
}

func clip(b []byte) string {
	if len(b) > 300 {
		return string(b[:300]) + "…"
	}
	return string(b)
}
