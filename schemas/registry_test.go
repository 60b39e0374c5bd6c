package schemas

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// memory is a registry in memory that can be told to fail.
type memory struct {
	mu       sync.Mutex
	texts    map[int]string
	subjects map[string][]int
	required map[string]int
	before   func(ctx context.Context, call, subject string) error // runs first in every call
	calls    atomic.Int64
}

func newMemory() *memory {
	return &memory{texts: map[int]string{}, subjects: map[string][]int{}, required: map[string]int{}}
}

func (m *memory) enter(ctx context.Context, call, subject string) error {
	m.calls.Add(1)
	m.mu.Lock()
	before := m.before
	m.mu.Unlock()
	if before != nil {
		return before(ctx, call, subject)
	}
	return nil
}

func (m *memory) fail(before func(ctx context.Context, call, subject string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = before
}

func (m *memory) Name() string { return "memory" }

func (m *memory) RequireCompatibility(ctx context.Context, subject string) error {
	if err := m.enter(ctx, "require", subject); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.required[subject]++
	return nil
}

func (m *memory) Compatibility(ctx context.Context, subject string) (string, error) {
	if err := m.enter(ctx, "compatibility", subject); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.required[subject] > 0 {
		return fullTransitive, nil
	}
	return "BACKWARD", nil
}

func (m *memory) Register(ctx context.Context, subject, text string) (int, error) {
	if err := m.enter(ctx, "register", subject); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range m.subjects[subject] {
		if m.texts[id] == text {
			return id, nil
		}
	}
	id := len(m.texts) + 101
	m.texts[id] = text
	m.subjects[subject] = append(m.subjects[subject], id)
	return id, nil
}

func (m *memory) Find(ctx context.Context, subject, text string) (int, error) {
	if err := m.enter(ctx, "find", subject); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range m.subjects[subject] {
		if m.texts[id] == text {
			return id, nil
		}
	}
	return 0, domain.Wrap(domain.NotFound, "memory", nil)
}

func (m *memory) SchemaByID(ctx context.Context, id int) (string, error) {
	if err := m.enter(ctx, "by id", ""); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if text, ok := m.texts[id]; ok {
		return text, nil
	}
	return "", domain.Wrap(domain.NotFound, "memory", nil)
}

func (m *memory) Versions(ctx context.Context, subject string) (texts []string, err error) {
	if err := m.enter(ctx, "versions", subject); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range m.subjects[subject] {
		texts = append(texts, m.texts[id])
	}
	return texts, nil
}

func away(context.Context, string, string) error {
	return domain.Wrap(domain.Unavailable, "memory", errors.New("connection refused"))
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func options(t *testing.T, r Registry) Options {
	return Options{Registry: r, CacheFile: filepath.Join(t.TempDir(), "new", "schemas.json"), Log: quiet()}
}

func TestNewRegistersEverySchema(t *testing.T) {
	m := newMemory()
	c, err := New(t.Context(), options(t, m))
	require.NoError(t, err)
	require.NoError(t, c.Degraded())
	for i, s := range All() {
		require.Equal(t, s.Text, m.texts[int(c.ids[i])])
		require.Equal(t, 1, m.required[s.Subject], "compatibility is required of every subject")
	}
	for _, w := range wires() {
		b, err := w.encode(c)
		require.NoError(t, err)
		got, err := w.decode(c, b)
		require.NoError(t, err)
		require.Equal(t, w.sample, got)
	}
	again, err := New(t.Context(), options(t, m))
	require.NoError(t, err)
	require.Equal(t, c.ids, again.ids)
	require.Len(t, m.texts, len(All()))
}

func TestASubjectWithoutSchemasMayHaveNoRulesYet(t *testing.T) {
	m := newMemory()
	m.fail(func(_ context.Context, call, subject string) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if call == "require" && len(m.subjects[subject]) == 0 {
			return domain.Wrap(domain.NotFound, "memory", nil)
		}
		return nil
	})
	_, err := New(t.Context(), options(t, m))
	require.NoError(t, err)
	require.Len(t, m.required, len(All()))
}

// Records hold nothing but the id, so a registry that was lost must come to the same ids: whatever call is slow, and with the cache lost as well.
func TestARegistryThatLostItsSchemasGivesTheSameIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := func(slow time.Duration) [records]uint32 {
			m := newMemory()
			var calls atomic.Int64
			m.fail(func(context.Context, string, string) error {
				time.Sleep(slow * time.Duration(calls.Add(1)%3)) //nolint:forbidigo // virtual time
				return nil
			})
			c, err := New(t.Context(), options(t, m))
			require.NoError(t, err)
			return c.ids
		}
		require.Equal(t, ids(0), ids(time.Millisecond))
	})
}

func TestStartWithoutTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		o := options(t, m)
		m.fail(away)
		_, err := New(t.Context(), o)
		require.Equal(t, domain.Unavailable, domain.KindOf(err))
		require.ErrorContains(t, err, "start the registry")
		require.ErrorContains(t, err, "connection refused")
		require.LessOrEqual(t, m.calls.Load(), int64(3), "one answer is enough to know that it is away")

		m.fail(nil)
		first, err := New(t.Context(), o)
		require.NoError(t, err)

		m.fail(away)
		second, err := New(t.Context(), o)
		require.NoError(t, err)
		require.ErrorContains(t, second.Degraded(), "connection refused")
		require.Equal(t, first.ids, second.ids)

		_, err = New(t.Context(), Options{Registry: named{m, "another"}, CacheFile: o.CacheFile, Log: quiet()})
		require.Equal(t, domain.Unavailable, domain.KindOf(err), "ids of one registry mean nothing in another")
	})
}

type named struct {
	*memory
	name string
}

func (n named) Name() string { return n.name }

func TestRememberedIDsAreOfOneTextAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		o := options(t, m)
		_, err := New(t.Context(), o)
		require.NoError(t, err)
		b, err := os.ReadFile(o.CacheFile)
		require.NoError(t, err)
		hash := contentHash(All()[0].Text)
		require.Contains(t, string(b), hash)
		require.NoError(t, os.WriteFile(o.CacheFile, []byte(strings.Replace(string(b), hash, contentHash("older text"), 1)), 0o600))
		m.fail(away)
		_, err = New(t.Context(), o)
		require.Equal(t, domain.Unavailable, domain.KindOf(err))
		require.ErrorContains(t, err, All()[0].Subject)
		require.NotContains(t, err.Error(), All()[1].Subject)
	})
}

func TestARegistryThatLostItsSchemasIsNotBelieved(t *testing.T) {
	o := options(t, newMemory())
	_, err := New(t.Context(), o)
	require.NoError(t, err)
	fresh := newMemory()
	fresh.texts[1] = "so that ids differ"
	o.Registry = fresh
	_, err = New(t.Context(), o)
	require.Equal(t, domain.Conflict, domain.KindOf(err))
	require.ErrorContains(t, err, "it has lost its schemas")
	require.ErrorContains(t, err, o.CacheFile)
}

func TestIncompatibleSchemasAreNamed(t *testing.T) {
	m := newMemory()
	like, rating := All()[setLike], All()[setRating]
	for subject, text := range map[string]string{
		like.Subject:   strings.Replace(like.Text, `{"name": "dislike", "type": "boolean"`, `{"name": "dislike", "type": "string"`, 1),
		rating.Subject: strings.Replace(rating.Text, `"score"`, `"stars"`, 1),
	} {
		_, err := m.Register(t.Context(), subject, strings.Replace(text, `"default": false`, `"default": ""`, 1))
		require.NoError(t, err)
	}
	m.fail(func(_ context.Context, call, subject string) error {
		if call == "register" && (subject == like.Subject || subject == rating.Subject) {
			return domain.Wrap(domain.Conflict, "schema registry", errors.New("Schema being registered is incompatible"))
		}
		return nil
	})
	_, err := New(t.Context(), options(t, m))
	require.Equal(t, domain.Conflict, domain.KindOf(err))
	for _, says := range []string{
		"register " + like.Subject, "field dislike: reader schema boolean not compatible with writer schema string",
		"register " + rating.Subject, "field score: has no default and is not written", "registered version 1",
	} {
		require.ErrorContains(t, err, says)
	}
}

func TestARegistryThatIsAwayForAMomentIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		var mu sync.Mutex
		failed := map[string]int{}
		m.fail(func(_ context.Context, call, subject string) error {
			mu.Lock()
			defer mu.Unlock()
			if failed[call+subject]++; failed[call+subject] <= 2 {
				return domain.Wrap(domain.Unavailable, "memory", errors.New("503"))
			}
			return nil
		})
		c, err := New(t.Context(), options(t, m))
		require.NoError(t, err)
		require.NoError(t, c.Degraded())
	})
}

func TestARegistryThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.fail(func(ctx context.Context, _, _ string) error {
			<-ctx.Done()
			return domain.Wrap(domain.Unavailable, "memory", ctx.Err())
		})
		o := options(t, m)
		o.Timeout, o.Attempts = time.Second, 2
		began := time.Now()
		_, err := New(t.Context(), o)
		require.Equal(t, domain.Unavailable, domain.KindOf(err))
		require.LessOrEqual(t, time.Since(began), 2*time.Second+firstWait)

		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began = time.Now()
		_, err = New(ctx, o)
		require.Error(t, err)
		require.Equal(t, 300*time.Millisecond, time.Since(began))
	})
}

func TestFinalRefusalsAreNotTriedAgain(t *testing.T) {
	m := newMemory()
	m.fail(func(context.Context, string, string) error {
		return domain.Wrap(domain.Internal, "memory", errors.New("401"))
	})
	_, err := New(t.Context(), options(t, m))
	require.Equal(t, domain.Internal, domain.KindOf(err))
	require.Equal(t, int64(len(All())), m.calls.Load())
}

func TestADamagedCacheIsReplaced(t *testing.T) {
	for name, content := range map[string]string{"rubbish": "\x00", "empty": "", "null": "null", "other shape": `{"subjects": 3}`} {
		t.Run(name, func(t *testing.T) {
			o := options(t, newMemory())
			require.NoError(t, os.MkdirAll(filepath.Dir(o.CacheFile), 0o700))
			require.NoError(t, os.WriteFile(o.CacheFile, []byte(content), 0o600))
			_, err := New(t.Context(), o)
			require.NoError(t, err)
			read, err := readCache(o.CacheFile)
			require.NoError(t, err)
			require.Len(t, read.Subjects, len(All()))
		})
	}
	t.Run("not writable", func(t *testing.T) {
		o := options(t, newMemory())
		require.NoError(t, os.WriteFile(filepath.Dir(o.CacheFile), []byte("a file where the folder should be"), 0o600))
		_, err := New(t.Context(), o)
		require.NoError(t, err)
	})
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := New(t.Context(), Options{Timeout: -1, Attempts: 101})
	require.Equal(t, domain.Invalid, domain.KindOf(err))
	for _, says := range []string{"a registry is required", "-1ns", "101 attempts"} {
		require.ErrorContains(t, err, says)
	}
}

// otherVersion registers a schema of a later program and gives what that program wrote.
func otherVersion(t *testing.T, m *memory, note string) []byte {
	later := strings.Replace(All()[setRating].Text, `{"name": "score"`, fmt.Sprintf(`{"name": %q, "type": "string", "default": ""}, {"name": "score"`, note), 1)
	id, err := m.Register(t.Context(), All()[setRating].Subject, later)
	require.NoError(t, err)
	b := writtenBy(t, int(setRating), later, func(v map[string]any) { v[note] = "later" })
	binary.BigEndian.PutUint32(b[1:], uint32(id))
	return b
}

func TestAnUnknownSchemaIsFetchedOnce(t *testing.T) {
	m := newMemory()
	o := options(t, m)
	c, err := New(t.Context(), o)
	require.NoError(t, err)
	b := otherVersion(t, m, "note")
	before := m.calls.Load()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			got, err := c.DecodeCommand(b)
			require.NoError(t, err)
			require.Equal(t, sampleCommands()[setRating], got)
		})
	}
	all.Wait()
	require.Equal(t, before+1, m.calls.Load())

	m.fail(away)
	restarted := codecAway(t, o)
	got, err := restarted.DecodeCommand(b)
	require.NoError(t, err, "the file remembers schemas of other versions too")
	require.Equal(t, sampleCommands()[setRating], got)
}

// codecAway starts while the registry is away, under virtual time.
func codecAway(t *testing.T, o Options) (c *Codec) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		c, err = New(t.Context(), o)
		require.NoError(t, err)
		require.Error(t, c.Degraded())
	})
	return c
}

func TestAnUnknownSchemaWhileTheRegistryIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		c, err := New(t.Context(), options(t, m))
		require.NoError(t, err)
		b := otherVersion(t, m, "note")
		m.fail(away)
		_, err = c.DecodeCommand(b)
		require.Equal(t, domain.Unavailable, domain.KindOf(err))
		require.NotErrorIs(t, err, ErrUnknownSchema, "the record may be a good one")
		m.fail(nil)
		_, err = c.DecodeCommand(b)
		require.NoError(t, err)
	})
}

func TestKnownWritersAreBounded(t *testing.T) {
	w := newWriters(Options{Registry: shelf{}}.withDefaults(), openCache("", "", quiet()))
	for id := range uint32(maxWriters + 10) {
		w.keep(id, verdictOnWriter{})
	}
	require.LessOrEqual(t, len(*w.known.Load()), maxWriters)
}
