package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

var one, two = domain.NamedID(domain.ID{}, "one"), domain.NamedID(domain.ID{}, "two")

func TestWhatAnAnswerSays(t *testing.T) {
	item := func(id domain.ID, rest string) string { return `{"event_id":"` + id.String() + `",` + rest + `}` }
	const yes, no, perhaps, bad = `"status":"accepted"`, `"status":"unavailable","errors":[{"pointer":"","code":"unavailable","detail":""}]`,
		`"status":"unavailable","errors":[{"pointer":"","code":"uncertain","detail":""}]`, `"status":"invalid","errors":[{"code":"required"}]`
	ids := []domain.ID{one, two}
	for name, tc := range map[string]struct {
		status int
		text   string
		ids    []domain.ID
		want   []verdict
	}{
		"one accepted":               {202, item(one, yes), ids[:1], []verdict{isAccepted}},
		"one accepted and shown":     {200, item(one, yes), ids[:1], []verdict{isAccepted}},
		"another one":                {202, item(two, yes), ids[:1], []verdict{isUnknown}},
		"all accepted":               {202, `{"accepted":2,"items":[` + item(one, yes) + "," + item(two, yes) + `]}`, ids, []verdict{isAccepted, isAccepted}},
		"in another order":           {202, `{"items":[` + item(two, yes) + "," + item(one, yes) + `]}`, ids, []verdict{isUnknown, isUnknown}},
		"one too few":                {202, `{"items":[` + item(one, yes) + `]}`, ids, []verdict{isUnknown, isUnknown}},
		"mixed":                      {503, `{"type":"/problems/uncertain","status":503,"items":[` + item(one, perhaps) + "," + item(two, no) + `]}`, ids, []verdict{isUnknown, isAbsent}},
		"accepted within a problem":  {503, `{"type":"/problems/unavailable","status":503,"items":[` + item(one, yes) + "," + item(two, no) + `]}`, ids, []verdict{isAccepted, isAbsent}},
		"invalid":                    {202, `{"items":[{` + bad + "}," + item(two, yes) + `]}`, ids, []verdict{isRefused, isAccepted}},
		"all invalid":                {422, `{"type":"/problems/invalid","status":422,"errors":[]}`, ids, []verdict{isRefused, isRefused}},
		"unavailable":                {503, `{"type":"/problems/unavailable","status":503}`, ids, []verdict{isAbsent, isAbsent}},
		"unavailable, one":           {503, item(one, `"type":"/problems/unavailable","status":503`), ids[:1], []verdict{isAbsent}},
		"uncertain":                  {503, `{"type":"/problems/uncertain","status":503}`, ids, []verdict{isUnknown, isUnknown}},
		"somebody else's 503":        {503, `<html>`, ids, []verdict{isUnknown, isUnknown}},
		"too many":                   {429, ``, ids, []verdict{isAbsent, isAbsent}},
		"internal":                   {500, `{"type":"/problems/internal","status":500}`, ids, []verdict{isUnknown, isUnknown}},
		"too slow":                   {408, ``, ids, []verdict{isUnknown, isUnknown}},
		"too large":                  {413, ``, ids, []verdict{isRefused, isRefused}},
		"a redirect":                 {307, ``, ids, []verdict{isRefused, isRefused}},
		"a 2xx that says nothing":    {202, ``, ids, []verdict{isUnknown, isUnknown}},
		"a 2xx about something else": {200, `{"hello":"world"}`, ids[:1], []verdict{isUnknown}},
		"a status of another kind":   {202, item(one, `"status":7`), ids[:1], []verdict{isUnknown}},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(tc.status, []byte(tc.text), tc.ids)
			require.Equal(t, tc.want, got.fates)
			for _, v := range got.fates {
				require.True(t, v == isAccepted || got.why != "", "it is said why")
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	require.Equal(t, isAbsent, lost(1, &net.OpError{Op: "dial", Err: errors.New("refused")}).fates[0])
	require.Equal(t, isUnknown, lost(1, &net.OpError{Op: "read", Err: errors.New("reset")}).fates[0])
	require.Equal(t, isUnknown, lost(1, fmt.Errorf("x: %w", context.DeadlineExceeded)).fates[0])
	require.Equal(t, isUnknown, lost(1, context.Canceled).fates[0])
}

func TestOptionsAreCheckedTogether(t *testing.T) {
	require.NoError(t, Options{}.Validate())
	err := Options{URL: "http://10.1.2.3:8000", Users: -1, Movies: maxMovies + 1, Events: -5, Rate: -1, Connections: 5000, Batch: 1001, Singles: 2, Readers: -3, Patience: -1}.Validate()
	for _, says := range []string{"--allow-remote", "users", "movies", "events", "rate", "connections", "batch", "singles", "readers", "patience"} {
		require.ErrorContains(t, err, says)
	}
	require.ErrorContains(t, Options{Users: 2, Movies: 2, Events: 1000}.Validate(), "take more of either")
	_, err = Run(context.Background(), Options{URL: "http://example.org"})
	require.ErrorContains(t, err, "not this machine")
}

func TestOnlyThisMachineIsLoaded(t *testing.T) {
	for url, fine := range map[string]bool{
		"http://127.0.0.1:8000": true, "http://localhost:8000": true, "http://[::1]:8000": true, "https://127.8.9.1": true,
		"http://0.0.0.0:8000": false, "http://192.168.0.1": false, "http://localhost.example.org": false, "http://127.0.0.1.example.org": false, "http://[2001:db8::1]:80": false,
		"http://user:secret@127.0.0.1": false, "ftp://127.0.0.1": false, "127.0.0.1:8000": false, "": false, "http://": false, "http://127.0.0.1/?x=1": false,
	} {
		err := checkURL(url, false)
		require.Equal(t, fine, err == nil, "%s: %v", url, err)
	}
	require.NoError(t, checkURL("http://192.168.0.1", true))
	require.Error(t, checkURL("192.168.0.1", true))
}

func TestReasonsAreBounded(t *testing.T) {
	r := newRun(Options{}.withDefaults())
	for i := range 100 {
		r.learn(answer{why: fmt.Sprint("reason ", i)}, nil)
	}
	r.learn(answer{why: "reason 3"}, nil)
	require.Len(t, r.reasons, 32)
	require.True(t, strings.HasPrefix(r.why(), "2 × reason 3, 1 × "))
}
