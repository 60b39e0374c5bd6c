package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/faults/faultstest"
	"ugc/schemas/topics"
)

// TestTornLogs tears the end of every log of the broker, as a death in mid-write leaves it, several times. Nothing that was accepted is
// lost, and nothing that is appended behind the tear is hidden at the start after next.
func TestTornLogs(t *testing.T) {
	chance := faultstest.Chance(t)
	s := start(t, t.TempDir(), "UGC_HTTP_ADDR="+keptAddress(t))
	s.postForAudit()
	for range faultstest.Times(1, 8) {
		s.kill()
		torn := tear(t, filepath.Join(s.dir, "kafka"), chance.Float64)
		t.Logf("%d logs torn", torn)
		s.start()
		s.postForAudit()
		s.play(chance.Uint64(), 300).agree()
		s.auditIsClean()
	}
	s.kill()
	s.start()
	s.auditIsClean()
	s.inOrder()
}

// tear appends to each partition a batch that was not written to its end: the last record once more, which would change nothing if it were whole. It
// tears the log of group offsets, too. share says how much of a batch is there.
func tear(t *testing.T, dir string, share func() float64) (torn int) {
	t.Helper()
	b, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", CompactionLag: -1})
	require.NoError(t, err)
	var again []*kgo.Record
	for _, topic := range topics.All() {
		last := map[int32]*kgo.Record{}
		for _, r := range recordsOf(t, kafkaAt(t, b.Addr(), kgo.ConsumeTopics(topic.Name)), topic) {
			last[r.Partition] = r
		}
		for p, r := range last {
			again = append(again, &kgo.Record{Topic: topic.Name, Partition: p, Key: r.Key, Value: r.Value, Headers: r.Headers})
		}
	}
	require.NotEmpty(t, again)
	before := logSizes(t, dir)
	require.NoError(t, kafkaAt(t, b.Addr()).ProduceSync(t.Context(), again...).FirstErr())
	after := logSizes(t, dir)
	require.NoError(t, b.Close())
	require.NoError(t, os.Remove(filepath.Join(dir, "CLEAN"))) // nobody closed it
	for path, end := range after {
		if grown := end - before[path]; grown > 1 {
			require.NoError(t, os.Truncate(path, before[path]+1+int64(share()*float64(grown-1))))
			torn++
		}
	}
	groups, err := os.OpenFile(filepath.Join(dir, "groups.log"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = groups.WriteString(`{"type":"commit","group":"ugc-play`)
	require.NoError(t, err)
	require.NoError(t, groups.Close())
	return torn
}

// logSizes are the sizes of all segments.
func logSizes(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "partitions", "*", "*.dat"))
	require.NoError(t, err)
	sizes := map[string]int64{}
	for _, path := range segments {
		info, err := os.Stat(path)
		require.NoError(t, err)
		sizes[path] = info.Size()
	}
	return sizes
}
