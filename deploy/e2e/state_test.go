package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
)

// keptParts is what the program keeps beside its log, all of it made of the log, by where it lies in the data folder.
var keptParts = []struct{ name, places string }{
	{"the tables' copies", "streams"},
	{"the positions view's copy", "positions"},
	{"the document store", "documents.sqlite*"},
	{"ClickHouse", "clickhouse"},
	{"the cache of schema ids", "schemas.json"},
}

// copyPart copies what lies at a place in one folder to another, where it takes the place of what is there.
func copyPart(t *testing.T, from, to, place string) {
	t.Helper()
	removePart(t, to, place)
	found, err := filepath.Glob(filepath.Join(from, place))
	require.NoError(t, err)
	require.NotEmpty(t, found, "nothing lies at %s", place)
	for _, path := range found {
		require.NoError(t, filepath.WalkDir(path, func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			if d.IsDir() {
				return os.MkdirAll(filepath.Join(to, name), 0o755)
			}
			if !d.Type().IsRegular() {
				return nil // a socket
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, name), b, 0o644)
		}))
	}
}

func removePart(t *testing.T, dir, place string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, place))
	require.NoError(t, err)
	for _, path := range found {
		require.NoError(t, os.RemoveAll(path))
	}
}

// TestLocalStateLostOrOlder takes away what the program keeps beside its log, or puts back what was there earlier, part by part, after the program
// was killed. The log is what counts: everything is as it was, and goes on.
func TestLocalStateLostOrOlder(t *testing.T) {
	chance := faultstest.Chance(t)
	dir, older := t.TempDir(), t.TempDir()
	s := start(t, dir, "UGC_HTTP_ADDR="+keptAddress(t))
	s.play(chance.Uint64(), 1500).agree()
	s.postForAudit()
	s.auditIsClean()
	s.kill()
	for _, part := range keptParts {
		copyPart(t, dir, older, part.places)
	}
	s.start()
	s.play(chance.Uint64(), 2000).agree()

	lose := func(places string) { removePart(t, dir, places) }
	setBack := func(places string) { copyPart(t, older, dir, places) }
	type fault struct {
		name string
		do   func()
	}
	all := func(do func(string)) func() {
		return func() {
			for _, part := range keptParts {
				do(part.places)
			}
		}
	}
	faults := []fault{{"all of it lost", all(lose)}, {"all of it older", all(setBack)}}
	if faultstest.Whole() {
		for _, part := range keptParts {
			faults = append(faults, fault{part.name + " lost", func() { lose(part.places) }}, fault{part.name + " older", func() { setBack(part.places) }})
		}
	}
	for n, f := range faults {
		t.Log(f.name)
		s.kill()
		f.do()
		s.start()
		s.auditIsClean()
		s.play(chance.Uint64(), 300).agree()
		s.call("POST", "/api/v2/events", fmt.Sprintf(`{"type":"viewing","user_id":"ann","movie_id":"heat","viewed_seconds":1,"event_id":%q}`, id(90_000+n)))
		s.await(f.name+": each report counts once", func() bool {
			a, err := s.try("GET", "/api/v2/users/ann/positions/heat", "")
			return err == nil && a.status == 200 && fmt.Sprint(a.json(t)["viewed_seconds"]) == fmt.Sprint(n+1)
		})
	}
	s.auditIsClean()
	s.inOrder()
}

// TestALogThatIsOlderThanWhatWasMadeOfItIsSaid puts an earlier log below newer views and tables, which no crash does, but a restored
// backup may. Versions would be given a second time, so that new commands would look like old ones: it must be said, and must not go on as if nothing
// were wrong. With what was made of the lost part gone as well, everything is right again.
func TestALogThatIsOlderThanWhatWasMadeOfItIsSaid(t *testing.T) {
	faultstest.NeedWhole(t, "streams shows the same of its tables alone, in less time")
	dir, older := t.TempDir(), t.TempDir()
	s := start(t, dir)
	s.postForAudit()
	s.auditIsClean()
	s.kill()
	copyPart(t, dir, older, "kafka")
	s.start()
	for range 4 {
		s.postForAudit()
	}
	s.await("the views show more than the older log holds", func() bool { return s.number("SELECT count() FROM playback_events") == "1300" })
	s.kill()
	copyPart(t, older, dir, "kafka")
	s.launch()
	s.await("it is said", func() bool {
		out := s.out.String()
		return strings.Contains(out, "restore it into new topics") || strings.Contains(out, "rebuild the view")
	})
	s.kill()
	for _, part := range keptParts {
		removePart(t, dir, part.places)
	}
	s.start()
	s.postForAudit()
	s.auditIsClean()
}

// TestARegistryThatLostItsSchemasIsFilledAgain takes the registry's file away, alone and with everything that remembers ids. Records in the log hold ids and
// nothing else, so each schema must come to the id that it had.
func TestARegistryThatLostItsSchemasIsFilledAgain(t *testing.T) {
	faultstest.NeedWhole(t, "schemas shows that the ids are the same, in less time")
	s := start(t, t.TempDir())
	s.postForAudit()
	for _, lost := range [][]string{{"registry", "schemas.json", "streams", "positions"}, {"registry"}}[:faultstest.Times(1, 2)] {
		s.kill()
		for _, place := range lost {
			removePart(t, s.dir, place)
		}
		s.start()
		s.postForAudit()
		s.auditIsClean()
	}
}
