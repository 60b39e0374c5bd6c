package registry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"

	"ugc/deploy/embedded/registry"
)

var quiet = slog.New(slog.DiscardHandler)

// start runs a registry until the test ends, or stop is called.
func start(t *testing.T, dir string) (cl *sr.Client, url string, stop func()) {
	t.Helper()
	r, err := registry.Open(registry.Options{DataDir: dir, Logger: quiet})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); require.NoError(t, <-done) })
	t.Cleanup(stop)
	url = "http://" + r.Addr()
	cl, err = sr.NewClient(sr.URLs(url))
	require.NoError(t, err)
	return cl, url, stop
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func schema(text string) sr.Schema { return sr.Schema{Schema: text} }

// record is a schema with the given fields, each "name type" or "name type default".
func record(fields ...string) sr.Schema {
	var fs []string
	for _, f := range fields {
		p := strings.SplitN(f, " ", 3)
		s := fmt.Sprintf(`{"name":%q,"type":%q`, p[0], p[1])
		if len(p) == 3 {
			s += `,"default":` + p[2]
		}
		fs = append(fs, s+"}")
	}
	return schema(`{"type":"record","name":"R","fields":[` + strings.Join(fs, ",") + `]}`)
}

func code(t *testing.T, err error) int {
	t.Helper()
	var re *sr.ResponseError
	require.ErrorAs(t, err, &re)
	return re.ErrorCode
}

func TestTheLifeOfASubject(t *testing.T) {
	cl, _, _ := start(t, t.TempDir())
	ctx := within(t)
	const s = "topic/with slash-value"

	_, err := cl.SchemaByVersion(ctx, s, -1)
	require.Equal(t, 40401, code(t, err))
	first, err := cl.CreateSchema(ctx, s, record("a long"))
	require.NoError(t, err)
	require.Equal(t, 1, first.Version)
	again, err := cl.CreateSchema(ctx, s, record("a long"))
	require.NoError(t, err)
	require.Equal(t, first, again)
	second, err := cl.CreateSchema(ctx, s, record("a long", "b long 0"))
	require.NoError(t, err)
	require.Equal(t, 2, second.Version)
	require.NotEqual(t, first.ID, second.ID)

	found, err := cl.LookupSchema(ctx, s, record("a long"))
	require.NoError(t, err)
	require.Equal(t, first, found)
	_, err = cl.LookupSchema(ctx, s, record("z long"))
	require.Equal(t, 40403, code(t, err))
	_, err = cl.LookupSchema(ctx, "nobody", record("a long"))
	require.Equal(t, 40401, code(t, err))

	byID, err := cl.SchemaByID(ctx, second.ID)
	require.NoError(t, err)
	require.Equal(t, second.Schema, byID)
	_, err = cl.SchemaByID(ctx, 999)
	require.Equal(t, 40403, code(t, err))
	text, err := cl.SchemaTextByID(ctx, second.ID)
	require.NoError(t, err)
	require.Equal(t, second.Schema.Schema, text)
	latest, err := cl.SchemaByVersion(ctx, s, -1)
	require.NoError(t, err)
	require.Equal(t, second, latest)
	_, err = cl.SchemaByVersion(ctx, s, 7)
	require.Equal(t, 40402, code(t, err))
	versions, err := cl.SubjectVersions(ctx, s)
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, versions)
	subjects, err := cl.Subjects(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{s}, subjects)
	types, err := cl.SupportedTypes(ctx)
	require.NoError(t, err)
	require.Equal(t, []sr.SchemaType{sr.TypeAvro}, types)
	usages, err := cl.SchemaUsagesByID(ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, []sr.SubjectSchema{first}, usages)
	names, err := cl.SubjectsByID(ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, []string{s}, names)
	all, err := cl.AllSchemas(ctx)
	require.NoError(t, err)
	require.Equal(t, []sr.SubjectSchema{first, second}, all)
}

func TestDeletingIsSoftFirst(t *testing.T) {
	cl, _, _ := start(t, t.TempDir())
	ctx := within(t)
	for _, f := range []string{"a long 0", "b long 1", "c long 2"} {
		_, err := cl.CreateSchema(ctx, "s", record("k long 0", f))
		require.NoError(t, err)
	}
	require.Equal(t, 40407, code(t, cl.DeleteSchema(ctx, "s", 1, sr.HardDelete)))
	require.NoError(t, cl.DeleteSchema(ctx, "s", 1, sr.SoftDelete))
	require.Equal(t, 40406, code(t, cl.DeleteSchema(ctx, "s", 1, sr.SoftDelete)))
	_, err := cl.SchemaByVersion(ctx, "s", 1)
	require.Equal(t, 40402, code(t, err))
	gone, err := cl.SchemaByVersion(sr.WithParams(ctx, sr.ShowDeleted), "s", 1)
	require.NoError(t, err)
	_, err = cl.SchemaByID(ctx, gone.ID)
	require.NoError(t, err, "old records can still be read")
	require.NoError(t, cl.DeleteSchema(ctx, "s", 1, sr.HardDelete))
	_, err = cl.SchemaByID(ctx, gone.ID)
	require.Equal(t, 40403, code(t, err))

	_, err = cl.DeleteSubject(ctx, "s", sr.HardDelete)
	require.Equal(t, 40405, code(t, err))
	deleted, err := cl.DeleteSubject(ctx, "s", sr.SoftDelete)
	require.NoError(t, err)
	require.Equal(t, []int{2, 3}, deleted)
	_, err = cl.DeleteSubject(ctx, "s", sr.SoftDelete)
	require.Equal(t, 40404, code(t, err))
	_, err = cl.SubjectVersions(ctx, "s")
	require.Equal(t, 40401, code(t, err))
	subjects, err := cl.Subjects(sr.WithParams(ctx, sr.ShowDeleted))
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, subjects)
	deleted, err = cl.DeleteSubject(ctx, "s", sr.HardDelete)
	require.NoError(t, err)
	require.Equal(t, []int{2, 3}, deleted)
	next, err := cl.CreateSchema(ctx, "s", record("new long"))
	require.NoError(t, err)
	require.Equal(t, 4, next.ID, "an id is never given twice")
}

func TestOneSchemaHasOneID(t *testing.T) {
	base := `{"type":"record","name":"a.b.R","doc":"d","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["X"]}},{"name":"f","type":"E"},{"name":"g","type":"string","default":"x"}]}`
	for name, c := range map[string]struct {
		text string
		same bool
	}{
		"itself":              {base, true},
		"white space":         {strings.ReplaceAll(base, ",", " ,\n\t"), true},
		"order of attributes": {strings.Replace(base, `"type":"record","name":"a.b.R"`, `"name":"a.b.R","type":"record"`, 1), true},
		"namespace apart":     {strings.Replace(base, `"name":"a.b.R"`, `"name":"R","namespace":"a.b"`, 1), true},
		"namespace repeated":  {strings.Replace(base, `"name":"E"`, `"name":"E","namespace":"a.b"`, 1), true},
		"full reference":      {strings.Replace(base, `"type":"E"`, `"type":"a.b.E"`, 1), true},
		"type in an object":   {strings.Replace(base, `"type":"string"`, `"type":{"type":"string"}`, 1), true},
		"another default":     {strings.Replace(base, `"default":"x"`, `"default":"y"`, 1), false},
		"another doc":         {strings.Replace(base, `"doc":"d"`, `"doc":"e"`, 1), false},
		"an alias":            {strings.Replace(base, `"name":"g"`, `"name":"g","aliases":["h"]`, 1), false},
		"a logical type":      {strings.Replace(base, `"type":"string"`, `"type":{"type":"string","logicalType":"uuid"}`, 1), false},
		"another namespace":   {strings.Replace(base, `a.b.R`, `a.c.R`, 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			cl, _, _ := start(t, t.TempDir())
			one, err := cl.CreateSchema(within(t), "one", schema(base))
			require.NoError(t, err)
			other, err := cl.CreateSchema(within(t), "other", schema(c.text))
			require.NoError(t, err)
			require.Equal(t, c.same, one.ID == other.ID)
		})
	}
}

func TestSixteenAtOnceGetOneID(t *testing.T) {
	cl, _, _ := start(t, t.TempDir())
	ids := make([]int, 16)
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			var ss sr.SubjectSchema
			ss, errs[i] = cl.CreateSchema(within(t), fmt.Sprintf("s%d", i%4), record("a long"))
			ids[i] = ss.ID
		})
	}
	wg.Wait()
	for i := range ids {
		require.NoError(t, errs[i])
		require.Equal(t, ids[0], ids[i])
	}
}

func TestBadSchemasAndRequests(t *testing.T) {
	cl, url, _ := start(t, t.TempDir())
	for name, s := range map[string]sr.Schema{
		"empty":             schema(""),
		"not JSON":          schema("{"),
		"not Avro":          schema(`{"type":"thing"}`),
		"unknown reference": schema(`{"type":"record","name":"R","fields":[{"name":"f","type":"Other"}]}`),
		"another language":  {Schema: `syntax = "proto3";`, Type: sr.TypeProtobuf},
		"reference nowhere": {Schema: `"string"`, References: []sr.SchemaReference{{Name: "X", Subject: "x", Version: 1}}},
	} {
		_, err := cl.CreateSchema(within(t), "s", s)
		require.Equal(t, 42201, code(t, err), name)
	}
	for _, c := range []struct {
		method, path, body string
		status, code       int
	}{
		{"GET", "/subjects/s/versions/0", "", 422, 42202},
		{"GET", "/subjects/s/versions/x", "", 422, 42202},
		{"GET", "/nothing", "", 404, 404},
		{"GET", "/schemas/ids/x", "", 404, 404},
		{"POST", "/subjects/s/versions", "{", 400, 400},
		{"POST", "/subjects/s/versions", `{"schema":"` + strings.Repeat("x", 2<<20) + `"}`, 413, 413},
		{"PUT", "/config", `{"compatibility":"SOMETIMES"}`, 422, 42203},
		{"PUT", "/mode", `{"mode":"ASLEEP"}`, 422, 42204},
		{"GET", "/config/nobody", "", 404, 40408},
		{"GET", "/mode/nobody", "", 404, 40409},
	} {
		status, body := call(t, c.method, url+c.path, c.body)
		require.Equal(t, c.status, status, "%s %s: %s", c.method, c.path, body)
		var e struct {
			Code    int    `json:"error_code"`
			Message string `json:"message"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &e))
		require.Equal(t, c.code, e.Code, "%s %s", c.method, c.path)
		require.NotEmpty(t, e.Message)
	}
}

func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), method, url, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "application/vnd.schemaregistry.v1+json", resp.Header.Get("Content-Type"))
	return resp.StatusCode, string(raw)
}

func TestReferencesAreResolvedAndKept(t *testing.T) {
	cl, _, _ := start(t, t.TempDir())
	ctx := within(t)
	_, err := cl.CreateSchema(ctx, "money", schema(`{"type":"record","name":"shop.Money","fields":[{"name":"cents","type":"long"}]}`))
	require.NoError(t, err)
	ref := sr.SchemaReference{Name: "shop.Money", Subject: "money", Version: 1}
	order := sr.Schema{Schema: `{"type":"record","name":"shop.Order","fields":[{"name":"price","type":"Money"}]}`, References: []sr.SchemaReference{ref}}
	made, err := cl.CreateSchema(ctx, "order", order)
	require.NoError(t, err)
	got, err := cl.SchemaByID(ctx, made.ID)
	require.NoError(t, err)
	require.Equal(t, []sr.SchemaReference{ref}, got.References)
	by, err := cl.SchemaReferences(ctx, "money", 1)
	require.NoError(t, err)
	require.Equal(t, []sr.SubjectSchema{made}, by)
	require.Equal(t, 42206, code(t, cl.DeleteSchema(ctx, "money", 1, sr.SoftDelete)))
	_, err = cl.DeleteSubject(ctx, "order", sr.SoftDelete)
	require.NoError(t, err)
	require.NoError(t, cl.DeleteSchema(ctx, "money", 1, sr.SoftDelete))
}

func TestEverythingSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	cl, _, stop := start(t, dir)
	ctx := within(t)
	made, err := cl.CreateSchema(ctx, "s", record("a long"))
	require.NoError(t, err)
	require.NoError(t, cl.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFullTransitive}, "s")[0].Err)
	require.NoError(t, cl.SetMode(ctx, sr.ModeReadOnly, "s")[0].Err)
	stop()
	// A write that was under way when the process was killed.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "registry.json.tmp"), []byte(`{"format":1,"sch`), 0o644))

	cl, _, _ = start(t, dir)
	got, err := cl.SchemaByVersion(ctx, "s", -1)
	require.NoError(t, err)
	require.Equal(t, made, got)
	require.Equal(t, sr.CompatFullTransitive, cl.Compatibility(ctx, "s")[0].Level)
	require.Equal(t, sr.ModeReadOnly, cl.Mode(ctx, "s")[0].Mode)
	other, err := cl.CreateSchema(ctx, "other", record("b long"))
	require.NoError(t, err)
	require.Equal(t, made.ID+1, other.ID)
}

// What was answered must be on disk: here the file itself can't be replaced.
func TestAWriteThatFailsChangesNothing(t *testing.T) {
	dir := t.TempDir()
	cl, _, _ := start(t, dir)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "registry.json.tmp"), 0o755))
	_, err := cl.CreateSchema(within(t), "s", record("a long"))
	require.Equal(t, 50001, code(t, err))
	_, err = cl.SubjectVersions(within(t), "s")
	require.Equal(t, 40401, code(t, err))
	require.NoError(t, os.Remove(filepath.Join(dir, "registry.json.tmp")))
	_, err = cl.CreateSchema(within(t), "s", record("a long"))
	require.NoError(t, err)
}

func TestAConnectionThatAsksNothingDoesNotHoldUpTheEnd(t *testing.T) {
	r, err := registry.Open(registry.Options{DataDir: t.TempDir(), Logger: quiet})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	silent, err := net.Dial("tcp", r.Addr())
	require.NoError(t, err)
	defer silent.Close()
	status, _ := call(t, "GET", "http://"+r.Addr()+"/subjects", "") // after it: the silent one has been accepted
	require.Equal(t, 200, status)
	cancel()
	require.NoError(t, silent.SetReadDeadline(time.Now().Add(60*time.Second)))
	_, err = silent.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, <-done)
}

func TestOpenRefuses(t *testing.T) {
	_, err := registry.Open(registry.Options{})
	require.ErrorContains(t, err, "no data directory")
	_, err = registry.Open(registry.Options{DataDir: t.TempDir(), Addr: "0.0.0.0:8081"})
	require.ErrorContains(t, err, "not on loopback")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	_, err = registry.Open(registry.Options{DataDir: t.TempDir(), Addr: ln.Addr().String()})
	require.ErrorContains(t, err, "in use by another program")
	for name, content := range map[string]string{"damaged": `{"format":1,`, "empty": "", "newer": `{"format":2,"schemas":{},"subjects":{}}`} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "registry.json"), []byte(content), 0o644))
		_, err = registry.Open(registry.Options{DataDir: dir})
		require.ErrorContains(t, err, "registry.json", name)
	}
}
