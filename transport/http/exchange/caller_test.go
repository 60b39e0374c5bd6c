package exchange

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/transport/http/problem"
)

func TestWhoMayDoWhatForWhom(t *testing.T) {
	ann, reads, metrics := &Caller{Subject: "ann"}, &Caller{Scopes: Read}, &Caller{Scopes: Metrics}
	for _, c := range []struct {
		caller *Caller
		user   string
		need   Scope
		as     string
		kind   *problem.Kind // nil: they may
	}{
		{nil, "bob", Write, "bob", nil},
		{Nobody, "ann", Read, "", &problem.Unauthorized}, {Nobody, "", Read, "", &problem.Unauthorized}, {Nobody, Me, Read, "", &problem.Unauthorized},
		{ann, "ann", Write, "ann", nil}, {ann, Me, Write, "ann", nil},
		{ann, "bob", Read, "", &problem.Forbidden}, {ann, "", Read, "", &problem.Forbidden},
		{reads, "bob", Read, "bob", nil}, {reads, "bob", Write, "", &problem.Forbidden}, {reads, "", Write, "", &problem.Forbidden},
		{metrics, "bob", Read, "", &problem.Forbidden},
	} {
		as, err := c.caller.As(c.user, c.need)
		require.Equal(t, c.as, as, "%+v", c)
		requireKind(t, c.kind, err)
	}
}

func TestWhoMaySeeWhatIsNobodysOwn(t *testing.T) {
	for _, c := range []struct {
		caller *Caller
		need   Scope
		kind   *problem.Kind
	}{
		{nil, Metrics, nil}, {Nobody, Read, &problem.Unauthorized}, {Nobody, Metrics, &problem.Unauthorized},
		{&Caller{Subject: "ann"}, Read, nil}, {&Caller{Subject: "ann"}, Metrics, &problem.Forbidden}, {&Caller{Subject: "ann"}, Write, &problem.Forbidden},
		{&Caller{Scopes: Read}, Read, nil}, {&Caller{Scopes: Read}, Metrics, &problem.Forbidden}, {&Caller{Scopes: Metrics}, Metrics, nil},
	} {
		requireKind(t, c.kind, c.caller.May(c.need))
	}
}

func requireKind(t *testing.T, want *problem.Kind, err error) {
	t.Helper()
	if want == nil {
		require.NoError(t, err)
		return
	}
	var p *problem.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, *want, p.Kind)
}
