package streams

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/schemas"
)

func feedbackRule() rule[domain.FeedbackState, domain.FeedbackCommand] {
	c := schemas.Offline()
	return decided(domain.Feedback, c, c.DecodeFeedbackTable, c.EncodeFeedbackTable)
}

func commandInput(t *testing.T, v domain.Version, cmd domain.Command) *input {
	t.Helper()
	value, err := schemas.Offline().EncodeCommand(cmd)
	require.NoError(t, err)
	return &input{origin: domain.Origin{Partition: 2, Version: v}, key: cmd.Head().Key(), value: value}
}

func TestStep(t *testing.T) {
	r := feedbackRule()
	good := commandInput(t, 7, rating("u", "m", 1, 8))
	poison := &input{origin: domain.Origin{Partition: 2, Version: 7}, key: "u/m", value: []byte("no record")}
	blocked := func() *schemas.Table[domain.FeedbackState] {
		return &schemas.Table[domain.FeedbackState]{Applied: 5, Blocked: true}
	}
	released := *good
	released.release = true
	elsewhere := *good
	elsewhere.key = "u/another"
	invalid := commandInput(t, 7, rating("u", "m", 1, 99))
	stranger := commandInput(t, 7, report("u", "m", 1))
	unknown := &input{origin: good.origin, key: "u/m", value: []byte{0, 0, 0, 77, 77, 1}}

	for _, tc := range []struct {
		name    string
		table   *schemas.Table[domain.FeedbackState]
		in      *input
		refused string
		blocked bool
	}{
		{"a command is decided", newTable[domain.FeedbackState](), good, "", false},
		{"bytes that are no record", newTable[domain.FeedbackState](), poison, "undecodable", true},
		{"a schema that nobody knows", newTable[domain.FeedbackState](), unknown, "unknown_schema", true},
		{"a command about another key", newTable[domain.FeedbackState](), &elsewhere, "not_applicable", true},
		{"a command that the edge would refuse", newTable[domain.FeedbackState](), invalid, "not_applicable", true},
		{"a command of another context", newTable[domain.FeedbackState](), stranger, "not_applicable", true},
		{"a command behind a dead letter", blocked(), good, "behind", true},
		{"a released command", blocked(), &released, "", false},
		{"poison behind poison", blocked(), poison, "undecodable", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := r.step(tc.table, tc.in, domain.NoVersion)
			require.NoError(t, err)
			require.Equal(t, domain.Version(7), s.table.Applied)
			require.Equal(t, tc.blocked, s.table.Blocked)
			require.Len(t, s.table.Outbox, 1, "each input leaves its outcome until it is known to be written")
			if tc.refused == "" {
				require.Nil(t, s.refused)
				e, err := schemas.Offline().DecodeEvent(s.event)
				require.NoError(t, err)
				require.Equal(t, tc.in.origin, e.Head().Origin)
				require.Equal(t, s.event, s.table.Outbox[0].Event)
				require.Equal(t, domain.Applied, s.verdict)
			} else {
				require.Equal(t, tc.refused, s.refused.reason)
				require.Empty(t, s.event)
				require.Empty(t, s.table.Outbox[0].Event)
				require.Equal(t, tc.table.State, s.table.State)
			}

			again, err := r.step(s.table, tc.in, domain.NoVersion)
			require.NoError(t, err)
			require.True(t, again.repeated)
			require.Same(t, s.table, again.table, "a repeated input changes nothing")
			require.Equal(t, s.event, again.event)
			if tc.refused != "" {
				require.Equal(t, tc.refused, again.refused.reason, "the dead letter is written again for the same reason")
			}
		})
	}
}

func TestARepeatedInputWithoutAnOutcomeEmitsNothing(t *testing.T) {
	r := feedbackRule()
	outbox := []schemas.Outcome{{Version: 9, Event: []byte("e")}}
	table := &schemas.Table[domain.FeedbackState]{Applied: 9, Outbox: outbox}
	s, err := r.step(table, commandInput(t, 7, rating("u", "m", 1, 8)), domain.NoVersion)
	require.NoError(t, err)
	require.True(t, s.repeated)
	require.Empty(t, s.event)
	require.Nil(t, s.refused)
}

func TestAStepDropsWhatIsAcknowledgedAndChangesNoArgument(t *testing.T) {
	r := feedbackRule()
	outbox := []schemas.Outcome{{Version: 1, Event: []byte("a")}, {Version: 3, Event: []byte("b")}}
	table := &schemas.Table[domain.FeedbackState]{Applied: 3, Outbox: outbox[:1:2]}
	table.Outbox = outbox[:2]
	s, err := r.step(table, commandInput(t, 7, rating("u", "m", 1, 8)), 1)
	require.NoError(t, err)
	require.Len(t, s.table.Outbox, 2)
	require.Equal(t, domain.Version(3), s.table.Outbox[0].Version)
	require.Equal(t, []schemas.Outcome{{Version: 1, Event: []byte("a")}, {Version: 3, Event: []byte("b")}}, table.Outbox)
	require.Equal(t, domain.FeedbackState{}, table.State)
}

func TestTroubleThatMayPassStallsInsteadOfSettingAside(t *testing.T) {
	r := feedbackRule()
	away := domain.Wrap(domain.Unavailable, "ask the registry", errors.New("away"))
	r.read = func(*input) (domain.FeedbackCommand, error) { return nil, refusalOf(away) }
	_, err := r.step(newTable[domain.FeedbackState](), commandInput(t, 7, rating("u", "m", 1, 8)), domain.NoVersion)
	require.ErrorIs(t, err, away)
}

func TestCrowded(t *testing.T) {
	var outbox []schemas.Outcome
	for v := range domain.Version(maxOutcomes) {
		outbox = append(outbox, schemas.Outcome{Version: v, Event: []byte("e")})
	}
	oldest, full := crowded(outbox, domain.NoVersion)
	require.True(t, full)
	require.Equal(t, domain.Version(0), oldest)
	_, full = crowded(outbox, 0)
	require.False(t, full)
	_, full = crowded([]schemas.Outcome{{Version: 1, Event: make([]byte, maxOutcomeBytes)}}, domain.NoVersion)
	require.True(t, full)
}

func TestMoviesFoldFeedbackOnceAndPassTouchesOver(t *testing.T) {
	codec := schemas.Offline()
	r := foldedMovies(codec)
	cmd := rating("u", "m", 1, 8)
	cmd.Origin = domain.Origin{Partition: 3, Version: 40}
	event, err := codec.EncodeEvent(domain.Feedback.Decide(domain.FeedbackState{}, cmd))
	require.NoError(t, err)
	table := newTable[domain.MovieState]()
	for v := range domain.Version(3) { // the feedback group's crash may have written it thrice
		s, err := r.step(table, &input{origin: domain.Origin{Version: v}, key: "m", value: event}, domain.NoVersion)
		require.NoError(t, err)
		require.Empty(t, s.event)
		require.Empty(t, s.table.Outbox)
		table = s.table
	}
	require.Equal(t, int64(1), table.State.Summary.Ratings)
	require.Equal(t, domain.Version(2), table.Applied)

	touch, err := codec.EncodeEvent(&domain.FeedbackTouched{
		TouchFeedback: domain.TouchFeedback{Fact: domain.Fact{Movie: "m", Origin: domain.Origin{Version: domain.NoVersion}}}, Change: domain.Change{Verdict: domain.Stale}})
	require.NoError(t, err)
	s, err := r.step(table, &input{origin: domain.Origin{Version: 3}, key: "m", value: touch}, domain.NoVersion)
	require.NoError(t, err)
	require.Equal(t, table.State, s.table.State)
	require.Equal(t, domain.Version(3), s.table.Applied)

	s, err = r.step(table, &input{origin: domain.Origin{Version: 4}, key: "another", value: event}, domain.NoVersion)
	require.NoError(t, err)
	require.Equal(t, schemas.ReasonNotApplicable, s.refused.reason)
}
