package schemas

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// What version 1 of the tables remembered is known today, and what today's write is read by a program of version 1.

func version1(t *testing.T, r record) string {
	text, ok := releasedText(t, "v1", list[r].File)
	require.True(t, ok)
	return text
}

// asVersion1 decodes a value that a program of version 1 wrote: from is today's value in its fields, change sets those
// that are no more.
func asVersion1(t *testing.T, r record, b []byte, change func(map[string]any)) []byte {
	var value map[string]any
	require.NoError(t, generic.Unmarshal(parsed()[r], b[headerSize:], &value))
	change(value)
	s, err := parse(version1(t, r))
	require.NoError(t, err)
	body, err := newGeneric().Marshal(s, value)
	require.NoError(t, err)
	return append(binary.BigEndian.AppendUint32([]byte{0}, 1000), body...)
}

func TestPlaybackOfVersion1IsKnown(t *testing.T) {
	codec := codecFor(shelf{1000: version1(t, playbackTable)})
	var s domain.PlaybackState
	cmds := told(2, 6, 0)
	for _, c := range slices.Concat(cmds[:3], cmds[6:9], cmds[10:12]) {
		s = domain.Playback.Evolve(s, domain.Playback.Decide(s, c))
	}
	b, err := codec.EncodePlaybackTable(&Table[domain.PlaybackState]{Applied: 7, State: s})
	require.NoError(t, err)
	edge := func(c domain.PlaybackCommand) map[string]any {
		p := c.(*domain.RecordPlayback)
		return map[string]any{"sequence": p.Sequence, "clock": int64(p.OccurredAt), "entry_ms": int64(p.Position),
			"exit_ms": int64(p.Position), "running": true, "rate": 1.0}
	}
	run := func(first, last domain.PlaybackCommand) map[string]any {
		return map[string]any{"session_id": first.Head().Session, "first": edge(first), "last": edge(last),
			"seen": int64(last.Head().OccurredAt)}
	}
	play := placeless(77)
	old := asVersion1(t, playbackTable, b, func(v map[string]any) {
		state := v["state"].(map[string]any)
		state["runs"] = []any{run(cmds[6], cmds[8]), run(cmds[10], cmds[11]), run(cmds[0], cmds[2])}
		state["remembered"] = []any{[16]byte(play.ID)}
	})
	got, err := codec.DecodePlaybackTable(old)
	require.NoError(t, err)
	require.Equal(t, domain.Version(7), got.Applied)
	require.Equal(t, domain.Seen{domain.FingerprintOfID(play.ID)}, got.State.Seen)
	require.Equal(t, s.Viewing(), got.State.Viewing())
	require.Zero(t, got.State.Rules, "version 1 did not say by which rules")

	for i, c := range cmds {
		known := i < 3 || i >= 6 && i != 9
		require.Equal(t, known, domain.Playback.Decide(got.State, c).Judged() == domain.Duplicate, "report %d", i)
	}
	require.Equal(t, domain.Duplicate, domain.Playback.Decide(got.State, &domain.RecordPlayback{Fact: play,
		Type: domain.Play}).Judged())
	// what was missing joins the pieces, and proves what lies between
	for _, c := range slices.Concat(cmds[3:6], cmds[9:10]) {
		s, got.State = fold(s, c), fold(got.State, c)
	}
	require.Equal(t, s.Watched, got.State.Watched)
	for i := range got.State.Sessions {
		require.Len(t, got.State.Sessions[i].Pieces, 1)
	}

	again, err := codec.EncodePlaybackTable(got)
	require.NoError(t, err)
	same, err := codec.DecodePlaybackTable(again)
	require.NoError(t, err)
	require.Equal(t, got, same, "once it is written by today's program it is today's")
}

func fold(s domain.PlaybackState, c domain.PlaybackCommand) domain.PlaybackState {
	return domain.Playback.Evolve(s, domain.Playback.Decide(s, c))
}

// A dated report without a place was known by its stamp alone, as long as it stood in a register.
func TestRegistersOfVersion1AreKnown(t *testing.T) {
	report := unplaced(1)[0]
	report.Head().OccurredAt = 1_740_000_000_000
	b, err := Offline().EncodePlaybackTable(&Table[domain.PlaybackState]{Applied: 7,
		State: fold(domain.PlaybackState{}, report)})
	require.NoError(t, err)
	old := asVersion1(t, playbackTable, b, func(map[string]any) {})
	got, err := codecFor(shelf{1000: version1(t, playbackTable)}).DecodePlaybackTable(old)
	require.NoError(t, err)
	report.Head().SentAt, report.Head().ReceivedAt = report.Head().OccurredAt, report.Head().ReceivedAt+60_000
	require.Equal(t, domain.Duplicate, domain.Playback.Decide(got.State, report).Judged())
	require.Positive(t, got.State.Reports)
}

func TestFeedbackOfVersion1IsKnown(t *testing.T) {
	b, err := Offline().EncodeFeedbackTable(sampleFeedbackTable())
	require.NoError(t, err)
	old := asVersion1(t, feedbackTable, b, func(map[string]any) {})
	got, err := codecFor(shelf{1000: version1(t, feedbackTable)}).DecodeFeedbackTable(old)
	require.NoError(t, err)
	require.Equal(t, sampleFeedbackTable().State, got.State, "each register's id is remembered")
}

// Roles are upgraded one by one, and taken back: what today's program writes a program of version 1 reads with what it
// knows.
func TestVersion1ReadsToday(t *testing.T) {
	for r, encode := range map[record]func() ([]byte, error){
		playbackTable:    func() ([]byte, error) { return Offline().EncodePlaybackTable(samplePlaybackTable()) },
		feedbackTable:    func() ([]byte, error) { return Offline().EncodeFeedbackTable(sampleFeedbackTable()) },
		playbackRecorded: func() ([]byte, error) { return Offline().EncodeEvent(sampleEvents()[0]) },
		viewingRecorded:  func() ([]byte, error) { return Offline().EncodeEvent(sampleEvents()[1]) },
		playbackTouched:  func() ([]byte, error) { return Offline().EncodeEvent(sampleEvents()[2]) },
	} {
		t.Run(list[r].Name, func(t *testing.T) {
			b, err := encode()
			require.NoError(t, err)
			old, err := parse(version1(t, r))
			require.NoError(t, err)
			reads, err := plan(old, parsed()[r])
			require.NoError(t, err)
			c := cursor{b: b[headerSize:], of: len(b)}
			body := reads(nil, &c)
			require.NoError(t, c.end())

			var today, seen map[string]any
			require.NoError(t, newGeneric().Unmarshal(parsed()[r], b[headerSize:], &today))
			require.NoError(t, newGeneric().Unmarshal(old, body, &seen))
			delete(today, "rules")
			delete(today, "seen")
			if state, ok := today["state"].(map[string]any); ok {
				for _, field := range []string{"reports", "sessions", "seen", "rules"} {
					delete(state, field)
				}
				if r == playbackTable {
					require.Empty(t, state["runs"])
					require.Empty(t, state["remembered"])
				}
			}
			require.Equal(t, plain(today), plain(seen))
		})
	}
}
