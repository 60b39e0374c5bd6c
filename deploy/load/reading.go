package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"ugc/domain"
)

// moment is a time as the API writes it, RFC 3339 or null.
type moment struct{ domain.Instant }

func (m *moment) UnmarshalJSON(b []byte) error {
	var t *time.Time
	if err := json.Unmarshal(b, &t); err != nil || t == nil {
		m.Instant = 0
		return err
	}
	m.Instant = domain.Instant(t.UnixMilli())
	return nil
}

// shownPosition is an item of GET /users/{user}/positions.
type shownPosition struct {
	User          string             `json:"user_id"`
	Movie         string             `json:"movie_id"`
	Position      int64              `json:"position_ms"`
	PositionAt    moment             `json:"position_at"`
	Resume        int64              `json:"resume_ms"`
	ResumeAt      moment             `json:"resume_at"`
	Duration      *int64             `json:"duration_ms"`
	WatchedTime   int64              `json:"watched_ms"`
	Plays         int64              `json:"plays"`
	Completed     bool               `json:"completed"`
	ViewedSeconds int64              `json:"viewed_seconds"`
	FirstSeen     moment             `json:"first_seen_at"`
	LastSeen      moment             `json:"last_seen_at"`
	Watched       [][2]domain.Millis `json:"watched"` // of a single position alone
}

// shownOpinion is an item of the lists of likes, bookmarks and ratings.
type shownOpinion struct {
	User      string `json:"user_id"`
	Movie     string `json:"movie_id"`
	Score     int64  `json:"score"`
	Like      bool   `json:"like"`
	UpdatedAt moment `json:"updated_at"`
}

// shownSummary is what GET /movies/{movie} answers.
type shownSummary struct {
	Ratings struct {
		Count     int64    `json:"count"`
		Mean      *float64 `json:"mean"`
		Histogram []int64  `json:"histogram"`
	} `json:"ratings"`
	Likes     int64 `json:"likes"`
	Dislikes  int64 `json:"dislikes"`
	Bookmarks int64 `json:"bookmarks"`
}

var errNotFound = errors.New("not found")

// reader reads what the service shows, with the token of what it must show.
type reader struct {
	o     *Options
	token domain.Token
}

// get reads one address into v; it tries again for as long as patience lasts while the service is away or a view lags. A 404 is errNotFound.
func (r *reader) get(ctx context.Context, path string, v any) error {
	deadline := time.Now().Add(max(r.o.Patience, r.o.Visible))
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		again, err := r.try(ctx, path, v)
		if err == nil || !again || ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			return err
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}

// viewWait is how long the service may hold a read back until its view shows the token, in seconds.
const viewWait = 5

func (r *reader) try(ctx context.Context, path string, v any) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout+viewWait*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.o.URL+path, nil)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	r.o.identify(req)
	if len(r.token) > 0 {
		req.Header.Set("Consistency-Token", r.token.String())
		req.Header.Set("Prefer", fmt.Sprintf("wait=%d", viewWait))
	}
	resp, err := r.o.Client.Do(req)
	if err != nil {
		return true, fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return true, fmt.Errorf("read %s: %w", path, err)
	case resp.StatusCode == http.StatusNotFound:
		return false, errNotFound
	case resp.StatusCode != http.StatusOK:
		return resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests, fmt.Errorf("read %s: the service answered %s: %s", path, resp.Status, clip(content))
	}
	if err := json.Unmarshal(content, v); err != nil {
		return false, fmt.Errorf("read %s: the answer is no JSON of the kind expected: %w", path, err)
	}
	return false, nil
}

// maxPages bounds how far a list is followed: no user has more movies than there are.
func (r *reader) maxPages() int { return 2 + 2*r.o.Movies/pageSize }

// list reads every page of a list.
func list[T any](ctx context.Context, r *reader, path string) ([]T, error) {
	var all []T
	next := fmt.Sprintf("%s?limit=%d", path, pageSize)
	for range r.maxPages() {
		var page struct {
			Items []T     `json:"items"`
			Next  *string `json:"next"`
		}
		if err := r.get(ctx, next, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == nil {
			return all, nil
		}
		if !strings.HasPrefix(*page.Next, path+"?") {
			return nil, fmt.Errorf("read %s: the list goes on at %q, which is another list", path, *page.Next)
		}
		next = *page.Next
	}
	return nil, fmt.Errorf("read %s: the list has no end: %d pages and more to come", path, r.maxPages())
}
