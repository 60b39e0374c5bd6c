package load

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
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
	require.Positive(t, result.Latency.Count())

	var said bytes.Buffer
	_, err = result.WriteTo(&said)
	require.NoError(t, err)
	require.Contains(t, said.String(), "3000 events accepted")
	require.Contains(t, said.String(), "\n0 differences\n")

	again, err := Run(context.Background(), o) // the same ids: it changes nothing
	require.NoError(t, err, "%v", again.Differences)
	require.Len(t, s.Log(), 2*o.Events)
}

// Each device's deliveries reach the log in the stream's order, and nothing else does.
func TestDeliveriesOfADeviceKeepTheirOrder(t *testing.T) {
	s := serve(t, &service{})
	o := s.options()
	_, err := Run(context.Background(), o)
	require.NoError(t, err)
	session := func(c domain.Command) string { return c.Head().User + " " + c.Head().Device + " " + c.Head().Session }
	sent, got := map[string][]string{}, map[string][]string{}
	for _, d := range take(NewStream(o.Seed, o.Users, o.Movies), o.Events) {
		if d.Command.Head().Session != "" {
			sent[session(d.Command)] = append(sent[session(d.Command)], d.Command.Head().ID.String())
		}
	}
	for _, c := range s.Log() {
		if c.Head().Session != "" {
			got[session(c)] = append(got[session(c)], c.Head().ID.String())
		}
	}
	require.Equal(t, sent, got)
}
