package exchange

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/transport/http/problem"
)

func TestWhoMayDoWhatForWhom(t *testing.T) {
	ann := &Caller{Name: "token of ann", Subject: "ann", Own: Read | Write}
	readsOwn, nothing := &Caller{Name: "token of ann", Subject: "ann", Own: Read}, &Caller{Name: "token of ann", Subject: "ann"}
	reads, metrics := &Caller{Name: "key a", All: Read}, &Caller{Name: "key b", All: Metrics}
	for _, c := range []struct {
		caller *Caller
		user   string
		need   Scope
		as     string
		kind   *problem.Kind // nil: they may
	}{
		{nil, "bob", Write, "", &problem.Unauthorized}, {&Caller{}, "bob", Write, "", &problem.Unauthorized},
		{Nobody, "ann", Read, "", &problem.Unauthorized}, {Nobody, "", Read, "", &problem.Unauthorized}, {Nobody, Me, Read, "", &problem.Unauthorized},
		{Everybody, "bob", Write, "bob", nil}, {Everybody, Me, Write, "", &problem.Forbidden},
		{ann, "ann", Write, "ann", nil}, {ann, Me, Write, "ann", nil},
		{ann, "bob", Read, "", &problem.Forbidden}, {ann, "", Read, "", &problem.Forbidden},
		{readsOwn, "ann", Read, "ann", nil}, {readsOwn, Me, Write, "", &problem.Forbidden}, {readsOwn, "ann", Write, "", &problem.Forbidden},
		{nothing, "ann", Read, "", &problem.Forbidden},
		{reads, "bob", Read, "bob", nil}, {reads, "bob", Write, "", &problem.Forbidden}, {reads, "", Write, "", &problem.Forbidden},
		{reads, Me, Read, "", &problem.Forbidden}, {metrics, "bob", Read, "", &problem.Forbidden},
	} {
		as, err := c.caller.As(c.user, c.need)
		require.Equal(t, c.as, as, "%+v", c)
		requireKind(t, c.kind, err)
	}
}

func TestWhoMay(t *testing.T) {
	for _, c := range []struct {
		caller *Caller
		need   Scope
		kind   *problem.Kind
	}{
		{nil, Read, &problem.Unauthorized}, {Nobody, Metrics, &problem.Unauthorized}, {Everybody, Metrics, nil},
		{&Caller{Name: "x", Subject: "ann", Own: Read}, Read, nil}, {&Caller{Name: "x", Subject: "ann", Own: Read}, Write, &problem.Forbidden},
		{&Caller{Name: "x", All: Read}, Metrics, &problem.Forbidden}, {&Caller{Name: "x", All: Metrics}, Metrics, nil},
	} {
		requireKind(t, c.kind, c.caller.May(c.need))
	}
}

func TestWhoMayEnter(t *testing.T) {
	ann := &Caller{Name: "token of ann", Subject: "ann", Own: Read | Write}
	for _, c := range []struct {
		caller *Caller
		access Access
		kind   *problem.Kind
	}{
		{Nobody, Public, nil}, {nil, Public, nil},
		{Nobody, Closed, &problem.Unauthorized}, {nil, Reads, &problem.Unauthorized}, {Nobody, Reads, &problem.Unauthorized}, {Nobody, Operates, &problem.Unauthorized},
		{Everybody, Closed, &problem.Forbidden}, {Everybody, Reads, nil}, {Everybody, Writes, nil}, {Everybody, Operates, nil},
		{ann, Closed, &problem.Forbidden}, {ann, Access(200), &problem.Forbidden},
		{ann, Reads, nil}, {ann, Writes, nil}, {ann, Operates, &problem.Forbidden},
		{&Caller{Name: "x", Subject: "ann", Own: Write}, Reads, &problem.Forbidden}, {&Caller{Name: "x", Subject: "ann"}, Writes, &problem.Forbidden},
		{&Caller{Name: "x", All: Read}, Reads, nil}, {&Caller{Name: "x", All: Read}, Writes, &problem.Forbidden}, {&Caller{Name: "x", All: Read}, Operates, &problem.Forbidden},
		{&Caller{Name: "x", All: Metrics}, Operates, nil},
	} {
		requireKind(t, c.kind, c.access.Enter(c.caller))
	}
	var unsaid Access
	require.Equal(t, Closed, unsaid, "who says nothing opens nothing")
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
