package load

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
)

func TestAnHonestServiceShowsWhatItAccepted(t *testing.T) {
	s := serve(t, &service{})
	o := s.options()
	result, err := Run(context.Background(), o)
	require.NoError(t, err, "%v", result.Differences)
	require.EqualValues(t, o.Events, result.Accepted)
	require.Zero(t, result.Unknown+result.Absent+result.Refused+result.Retries+result.Found)
	require.Len(t, s.Log(), o.Events)
	require.Equal(t, o.Users, result.Users)
	require.Greater(t, result.Pairs, 50)
	require.Positive(t, result.Blurred)
	require.Positive(t, result.Single.Count())
	require.Positive(t, result.Batched.Count())
	require.Positive(t, result.Uploads.Count())
	p := result.Played
	require.EqualValues(t, o.Events, p.Reports+p.Viewed+p.Bookmarks+p.Likes+p.Ratings)
	for name, n := range map[string]int64{"reports": p.Reports, "viewed": p.Viewed, "bookmarks": p.Bookmarks, "likes": p.Likes, "ratings": p.Ratings, "offline": p.Offline} {
		require.Positive(t, n, name)
	}
	require.InDelta(t, 0.05, float64(p.Late)/float64(o.Events), 0.02)
	require.InDelta(t, 0.03, float64(p.Repeated)/float64(o.Events), 0.02, "many of the repetitions come later than so short a run ends")

	var said bytes.Buffer
	_, err = result.WriteTo(&said)
	require.NoError(t, err)
	require.Contains(t, said.String(), "3000 events accepted")
	require.Contains(t, said.String(), "\n0 differences\n")

	again, err := Run(context.Background(), o) // the same ids: it changes nothing
	require.NoError(t, err, "%v", again.Differences)
	require.Len(t, s.Log(), 2*o.Events)
}

// Each device's deliveries reach the service in the stream's order, and nothing else does.
func TestDeliveriesOfADeviceKeepTheirOrder(t *testing.T) {
	type event struct {
		ID      string `json:"event_id"`
		User    string `json:"user_id"`
		Device  string `json:"device_id"`
		Session string `json:"session_id"`
	}
	session := func(e event) string { return e.User + " " + e.Device + " " + e.Session }
	var mu sync.Mutex
	sent, got := map[string][]string{}, map[string][]string{}
	s := serve(t, &service{before: func(c *fiber.Ctx) (bool, error) {
		if c.Method() != fiber.MethodPost {
			return false, nil
		}
		body := bytes.TrimSpace(c.Body())
		if body[0] == '{' {
			body = append(append([]byte("["), body...), ']')
		}
		var events []event
		if err := json.Unmarshal(body, &events); err != nil {
			return true, err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if e.Session != "" {
				got[session(e)] = append(got[session(e)], e.ID)
			}
		}
		return false, nil
	}})
	o := s.options()
	_, err := Run(context.Background(), o)
	require.NoError(t, err)
	for _, d := range take(NewStream(o.Seed, o.Users, o.Movies), o.Events) {
		if f := d.Command.Head(); f.Session != "" {
			by := session(event{User: f.User, Device: f.Device, Session: f.Session})
			sent[by] = append(sent[by], f.ID.String())
		}
	}
	require.Equal(t, sent, got)
}
