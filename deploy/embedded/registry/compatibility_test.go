package registry_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"
)

func TestLevels(t *testing.T) {
	// Three versions, of which the middle one has lost what the first and the candidate have in common.
	v1, v2 := record("a long", "b long 1"), record("a long")
	for name, c := range map[string]struct {
		candidate sr.Schema
		allowed   map[string]bool
	}{
		"a field with a default": {record("a long", "c long 2"), allow("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")},
		"a field without":        {record("a long", "c long"), allow("NONE", "FORWARD", "FORWARD_TRANSITIVE")},
		"a field less":           {record("z long 0"), allow("NONE", "BACKWARD", "BACKWARD_TRANSITIVE")},
		"a wider type":           {record("a double"), allow("NONE", "BACKWARD", "BACKWARD_TRANSITIVE")},
		"a type back that the first version had otherwise": {record("a long", `b string "x"`), allow("NONE", "BACKWARD", "FORWARD", "FULL")},
		"another type": {record("a string"), allow("NONE")},
	} {
		for level := range allow("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE") {
			t.Run(name+"/"+level, func(t *testing.T) {
				cl, url, _ := start(t, t.TempDir())
				ctx := within(t)
				for _, s := range []sr.Schema{v1, v2} {
					_, err := cl.CreateSchema(ctx, "s", s)
					require.NoError(t, err)
				}
				status, body := call(t, "PUT", url+"/config/s", `{"compatibility":"`+level+`"}`)
				require.Equal(t, 200, status, body)
				check, err := cl.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), "s", -2, c.candidate)
				require.NoError(t, err)
				require.Equal(t, c.allowed[level], check.Is)
				require.Equal(t, c.allowed[level], len(check.Messages) == 0)
				_, err = cl.CreateSchema(ctx, "s", c.candidate)
				if c.allowed[level] {
					require.NoError(t, err)
					return
				}
				require.Equal(t, 409, code(t, err))
				require.ErrorContains(t, err, level)
				vs, err := cl.SubjectVersions(ctx, "s")
				require.NoError(t, err)
				require.Equal(t, []int{1, 2}, vs)
			})
		}
	}
}

func allow(levels ...string) map[string]bool {
	m := map[string]bool{}
	for _, l := range levels {
		m[l] = true
	}
	return m
}

func TestCheckAgainstOneVersionSaysWhy(t *testing.T) {
	cl, _, _ := start(t, t.TempDir())
	ctx := within(t)
	require.NoError(t, cl.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatNone}, "s")[0].Err)
	for _, s := range []sr.Schema{record("a long"), record("a string")} {
		_, err := cl.CreateSchema(ctx, "s", s)
		require.NoError(t, err)
	}
	require.NoError(t, cl.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFull}, "s")[0].Err)
	got, err := cl.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), "s", 1, record("a long", "b long 0"))
	require.NoError(t, err)
	require.True(t, got.Is)
	got, err = cl.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), "s", -1, record("a long"))
	require.NoError(t, err)
	require.False(t, got.Is)
	require.Len(t, got.Messages, 2, "one for each direction")
	require.Contains(t, got.Messages[0], "version 2")
	_, err = cl.CheckCompatibility(ctx, "s", 9, record("a long"))
	require.Equal(t, 40402, code(t, err))
	quietly, err := cl.CheckCompatibility(ctx, "s", -1, record("a long"))
	require.NoError(t, err)
	require.Empty(t, quietly.Messages)
}

func TestLevelsOfSubjectsAndOfAll(t *testing.T) {
	cl, url, _ := start(t, t.TempDir())
	ctx := within(t)
	require.Equal(t, sr.CompatBackward, cl.Compatibility(ctx)[0].Level)
	require.Equal(t, 40408, code(t, cl.Compatibility(ctx, "s")[0].Err))
	require.Equal(t, sr.CompatBackward, cl.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), "s")[0].Level)
	require.NoError(t, cl.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFullTransitive})[0].Err)
	require.Equal(t, sr.CompatFullTransitive, cl.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), "s")[0].Level)
	require.NoError(t, cl.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatNone}, "s")[0].Err)
	require.Equal(t, sr.CompatNone, cl.Compatibility(ctx, "s")[0].Level)
	status, body := call(t, "DELETE", url+"/config/s", "")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"compatibilityLevel":"NONE"}`, body)
	require.Equal(t, 40408, code(t, cl.Compatibility(ctx, "s")[0].Err))
	subjects, err := cl.Subjects(ctx)
	require.NoError(t, err)
	require.Empty(t, subjects, "a level makes no subject")
}

func TestModes(t *testing.T) {
	cl, _, _ := start(t, t.TempDir())
	ctx := within(t)
	require.Equal(t, sr.ModeReadWrite, cl.Mode(ctx)[0].Mode)
	_, err := cl.RegisterSchema(ctx, "s", record("a long"), 77, -1)
	require.Equal(t, 42205, code(t, err), "ids are ours to give")
	require.NoError(t, cl.SetMode(ctx, sr.ModeImport, "s")[0].Err)
	id, err := cl.RegisterSchema(ctx, "s", record("a long"), 77, 5)
	require.NoError(t, err)
	require.Equal(t, 77, id)
	got, err := cl.SchemaByVersion(ctx, "s", 5)
	require.NoError(t, err)
	require.Equal(t, 77, got.ID)
	next, err := cl.CreateSchema(ctx, "t", record("b long"))
	require.NoError(t, err)
	require.Equal(t, 78, next.ID)
	require.NoError(t, cl.SetMode(ctx, sr.ModeReadOnly)[0].Err)
	_, err = cl.CreateSchema(ctx, "u", record("c long"))
	require.Equal(t, 42205, code(t, err))
	require.NoError(t, cl.ResetMode(ctx)[0].Err)
	require.Equal(t, 42205, code(t, cl.SetMode(ctx, sr.ModeImport, "t")[0].Err), "it has schemas")
}
