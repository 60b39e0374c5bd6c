// Package registrytest is what every schema registry that ugc meets must bear out, in Confluent's protocol: the embedded one and real ones. Where
// registries differ in what ugc does not rely on, a Differences says how.
package registrytest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"
)

// Differences are what a registry does otherwise than Confluent's.
type Differences struct {
	SilentChecks   bool // a compatibility check gives no reasons, also when asked to
	NoModes        bool // there is no /mode
	NoSubjectsByID bool // there is no list of the subjects of an id
	LevelOfNobody  bool // a subject without a level of its own has one, NONE, instead of none
	BadLevelIs500  bool // a level that is none is an internal error
}

// patience bounds every call.
const patience = 60 * time.Second

// suite is one run against one registry.
type suite struct {
	*testing.T
	cl      *sr.Client
	url     string
	differs Differences
}

// Run runs the suite. Subjects get names of their own, so that a registry can be met twice.
func Run(t *testing.T, url string, d Differences) {
	cl, err := sr.NewClient(sr.URLs(url))
	require.NoError(t, err)
	for name, test := range map[string]func(suite){
		"a schema is registered once and keeps its id":        suite.registersOnce,
		"one text has one id in every subject":                suite.oneID,
		"sixteen at once get one id":                          suite.atOnce,
		"a schema is found by id, by version and by its text": suite.found,
		"what is not there is told":                           suite.missing,
		"what is no schema is refused":                        suite.malformed,
		"levels are set by subject":                           suite.levels,
		"a schema that may not follow is refused":             suite.incompatible,
		"all versions count, not the latest alone":            suite.transitive,
		"a check says what registering would":                 suite.check,
		"references are resolved and kept":                    suite.references,
		"deleting is soft first, and what was read stays":     suite.deleting,
		"there are modes":                                     suite.modes,
	} {
		t.Run(name, func(t *testing.T) { test(suite{t, cl, url, d}) })
	}
}

func (s suite) within() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.Cleanup(cancel)
	return ctx
}

// subject is a name that nobody has, like the ones of ugc: topic, hyphen, record.
func (s suite) subject() string { return "ugc.test." + uuid.NewString() + "-ugc.test.R" }

// record is a schema of its own kind with fields "name type" or "name type default".
func record(name string, fields ...string) sr.Schema {
	var fs []string
	for _, f := range fields {
		p := strings.SplitN(f, " ", 3)
		text := fmt.Sprintf(`{"name":%q,"type":%q`, p[0], p[1])
		if len(p) == 3 {
			text += `,"default":` + p[2]
		}
		fs = append(fs, text+"}")
	}
	return sr.Schema{Schema: `{"type":"record","name":"` + name + `","namespace":"ugc.test","fields":[` + strings.Join(fs, ",") + `]}`}
}

// refused holds an error against the code of Confluent's registry.
func (s suite) refused(code int, err error, what string) {
	s.Helper()
	var answer *sr.ResponseError
	require.ErrorAs(s, err, &answer, what)
	status := code
	for status > 999 {
		status /= 10
	}
	require.Equal(s, status, answer.StatusCode, "%s: %v", what, err)
	require.Equal(s, code, answer.ErrorCode, "%s: %v", what, err)
}

func (s suite) require(subject string, level sr.CompatibilityLevel) {
	s.Helper()
	require.NoError(s, s.cl.SetCompatibility(s.within(), sr.SetCompatibility{Level: level}, subject)[0].Err)
}

func (s suite) create(subject string, schema sr.Schema) sr.SubjectSchema {
	s.Helper()
	made, err := s.cl.CreateSchema(s.within(), subject, schema)
	require.NoError(s, err)
	return made
}

func (s suite) registersOnce() {
	subject := s.subject()
	first := s.create(subject, record("R", "a long"))
	require.Equal(s, 1, first.Version)
	require.Positive(s, first.ID)
	again := s.create(subject, record("R", "a long"))
	require.Equal(s, first.ID, again.ID)
	second := s.create(subject, record("R", "a long", "b long 0"))
	require.Equal(s, 2, second.Version)
	require.NotEqual(s, first.ID, second.ID)
	versions, err := s.cl.SubjectVersions(s.within(), subject)
	require.NoError(s, err)
	require.Equal(s, []int{1, 2}, versions)
}

func (s suite) oneID() {
	schema := record("N"+strings.ReplaceAll(uuid.NewString(), "-", ""), "a long")
	first, other := s.create(s.subject(), schema), s.create(s.subject(), schema)
	require.Equal(s, first.ID, other.ID)
}

func (s suite) atOnce() {
	subject, schema := s.subject(), record("N"+strings.ReplaceAll(uuid.NewString(), "-", ""), "a long")
	var ids [16]int
	var errs [16]error
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { ids[i], errs[i] = s.cl.RegisterSchema(s.within(), subject, schema, -1, -1) })
	}
	all.Wait()
	for i := range ids {
		require.NoError(s, errs[i])
		require.Equal(s, ids[0], ids[i])
	}
}

func (s suite) found() {
	subject := s.subject()
	made := s.create(subject, record("R", "a long"))
	byID, err := s.cl.SchemaByID(s.within(), made.ID)
	require.NoError(s, err)
	require.JSONEq(s, made.Schema.Schema, byID.Schema)
	latest, err := s.cl.SchemaByVersion(s.within(), subject, -1)
	require.NoError(s, err)
	require.Equal(s, made.ID, latest.ID)
	looked, err := s.cl.LookupSchema(s.within(), subject, record("R", "a long"))
	require.NoError(s, err)
	require.Equal(s, made.ID, looked.ID)
	require.Equal(s, 1, looked.Version)
	subjects, err := s.cl.Subjects(s.within())
	require.NoError(s, err)
	require.Contains(s, subjects, subject)
	if !s.differs.NoSubjectsByID {
		names, err := s.cl.SubjectsByID(s.within(), made.ID)
		require.NoError(s, err)
		require.Contains(s, names, subject)
	}
}

func (s suite) missing() {
	_, err := s.cl.SchemaByID(s.within(), 1<<30)
	s.refused(40403, err, "an id")
	_, err = s.cl.SchemaByVersion(s.within(), s.subject(), -1)
	s.refused(40401, err, "a subject")
	_, err = s.cl.SubjectVersions(s.within(), s.subject())
	s.refused(40401, err, "versions of a subject")
	subject := s.subject()
	s.create(subject, record("R", "a long"))
	_, err = s.cl.SchemaByVersion(s.within(), subject, 7)
	s.refused(40402, err, "a version")
	_, err = s.cl.LookupSchema(s.within(), subject, record("R", "z long"))
	s.refused(40403, err, "a text")
}

func (s suite) malformed() {
	for name, text := range map[string]string{"no JSON": "{", "no Avro": `{"type":"thing"}`, "a reference nowhere": `{"type":"record","name":"R","fields":[{"name":"f","type":"Other"}]}`} {
		_, err := s.cl.CreateSchema(s.within(), s.subject(), sr.Schema{Schema: text})
		s.refused(42201, err, name)
	}
}

func (s suite) levels() {
	subject := s.subject()
	early := s.cl.SetCompatibility(s.within(), sr.SetCompatibility{Level: sr.CompatFull}, s.subject())[0].Err
	require.NoError(s, early, "a level of a subject without schemas")
	s.create(subject, record("R", "a long"))
	own := s.cl.Compatibility(s.within(), subject)[0]
	if s.differs.LevelOfNobody {
		require.NoError(s, own.Err)
		require.Equal(s, sr.CompatNone, own.Level)
	} else {
		s.refused(40408, own.Err, "a subject without a level of its own")
	}
	require.Equal(s, sr.CompatBackward, s.cl.Compatibility(sr.WithParams(s.within(), sr.DefaultToGlobal), subject)[0].Level)
	s.require(subject, sr.CompatFullTransitive)
	require.Equal(s, sr.CompatFullTransitive, s.cl.Compatibility(s.within(), subject)[0].Level)
	require.NoError(s, s.cl.ResetCompatibility(s.within(), subject)[0].Err)
	require.Equal(s, sr.CompatBackward, s.cl.Compatibility(sr.WithParams(s.within(), sr.DefaultToGlobal), subject)[0].Level)
	status := s.put("/config/"+subject, `{"compatibility":"SOMETIMES"}`)
	if s.differs.BadLevelIs500 {
		require.Equal(s, http.StatusInternalServerError, status)
	} else {
		require.Equal(s, http.StatusUnprocessableEntity, status)
	}
}

// put sends what the client does not let through.
func (s suite) put(path, body string) int {
	s.Helper()
	req, err := http.NewRequestWithContext(s.within(), http.MethodPut, s.url+path, strings.NewReader(body))
	require.NoError(s, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s, err)
	require.NoError(s, resp.Body.Close())
	return resp.StatusCode
}

// incompatible is the promise that everything stays readable by everything.
func (s suite) incompatible() {
	subject := s.subject()
	s.create(subject, record("R", "a long"))
	s.require(subject, sr.CompatFullTransitive)
	for name, schema := range map[string]sr.Schema{
		"a field without a default": record("R", "a long", "b long"),
		"a field that is gone":      record("R", "b long 0"),
		"a wider type":              record("R", "a double"),
		"another type":              record("R", "a string"),
	} {
		_, err := s.cl.CreateSchema(s.within(), subject, schema)
		s.refused(409, err, name)
	}
	s.create(subject, record("R", "a long", "b long 0"))
	versions, err := s.cl.SubjectVersions(s.within(), subject)
	require.NoError(s, err)
	require.Equal(s, []int{1, 2}, versions)
}

func (s suite) transitive() {
	subject := s.subject()
	s.require(subject, sr.CompatFull)
	s.create(subject, record("R", "a long", "b long 1"))
	s.create(subject, record("R", "a long"))
	s.require(subject, sr.CompatFullTransitive)
	_, err := s.cl.CreateSchema(s.within(), subject, record("R", "a long", `b string "x"`))
	s.refused(409, err, "it fits the second and not the first")
}

func (s suite) check() {
	subject := s.subject()
	s.create(subject, record("R", "a long"))
	s.require(subject, sr.CompatFullTransitive)
	good, err := s.cl.CheckCompatibility(sr.WithParams(s.within(), sr.Verbose), subject, -1, record("R", "a long", "b long 0"))
	require.NoError(s, err)
	require.True(s, good.Is)
	bad, err := s.cl.CheckCompatibility(sr.WithParams(s.within(), sr.Verbose), subject, -1, record("R", "a string"))
	require.NoError(s, err)
	require.False(s, bad.Is)
	require.Equal(s, s.differs.SilentChecks, len(bad.Messages) == 0, "%v", bad.Messages)
}

func (s suite) references() {
	money, order := s.subject(), s.subject()
	s.create(money, record("Money", "cents long"))
	ref := sr.SchemaReference{Name: "ugc.test.Money", Subject: money, Version: 1}
	made := s.create(order, sr.Schema{Schema: `{"type":"record","name":"Order","namespace":"ugc.test","fields":[{"name":"price","type":"Money"}]}`, References: []sr.SchemaReference{ref}})
	got, err := s.cl.SchemaByID(s.within(), made.ID)
	require.NoError(s, err)
	require.Equal(s, []sr.SchemaReference{ref}, got.References)
}

func (s suite) deleting() {
	subject := s.subject()
	made := s.create(subject, record("R", "a long"))
	s.create(subject, record("R", "a long", "b long 0"))
	require.NoError(s, s.cl.DeleteSchema(s.within(), subject, 1, sr.SoftDelete))
	_, err := s.cl.SchemaByVersion(s.within(), subject, 1)
	s.refused(40402, err, "deleted")
	_, err = s.cl.SchemaByID(s.within(), made.ID)
	require.NoError(s, err, "old records can still be read")
	_, err = s.cl.DeleteSubject(s.within(), subject, sr.SoftDelete)
	require.NoError(s, err)
	_, err = s.cl.SubjectVersions(s.within(), subject)
	s.refused(40401, err, "deleted")
}

func (s suite) modes() {
	mode := s.cl.Mode(s.within())[0]
	if s.differs.NoModes {
		require.Error(s, mode.Err)
		return
	}
	require.NoError(s, mode.Err)
	require.Equal(s, sr.ModeReadWrite, mode.Mode)
}
