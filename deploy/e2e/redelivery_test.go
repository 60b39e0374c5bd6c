package e2e

import (
	"database/sql"
	"path/filepath"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"ugc/deploy"
	"ugc/deploy/embedded/broker"
	"ugc/deploy/embedded/clickhouse"
	"ugc/deploy/faults/faultstest"
)

// TestEveryMessageIsDeliveredTwice lets every consumer of the program forget how far it had come, so that all messages of all topics come again, to tables and
// views that have seen them. Nothing changes, and what comes later counts once.
func TestEveryMessageIsDeliveredTwice(t *testing.T) {
	chance := faultstest.Chance(t)
	s := start(t, t.TempDir(), "UGC_HTTP_ADDR="+keptAddress(t))
	s.play(chance.Uint64(), 2000).agree()
	s.postForAudit()
	s.auditIsClean()
	before := s.number("SELECT sum(viewed_seconds) + sum(watched_ms) + sum(plays) FROM viewing")
	for range faultstest.Times(1, 3) {
		s.forgetPlaces()
		s.start()
		s.auditIsClean()
		require.Equal(t, before, s.number("SELECT sum(viewed_seconds) + sum(watched_ms) + sum(plays) FROM viewing"))
		require.Equal(t, "0", s.number("SELECT count() - uniqExact(partition, version) FROM playback_events"))
	}
	s.play(chance.Uint64(), 500).agree()
	s.auditIsClean()
	s.inOrder()
}

// forgetPlaces ends the program, and sets all places of its consumers back to the start: the watermarks of the views and the offsets of the groups.
func (s *service) forgetPlaces() {
	t := s.t
	t.Helper()
	socket, err := deploy.Note(s.dir, deploy.NoteEngine)
	require.NoError(t, err)
	engine, err := ch.Open(clickhouse.SocketOptions(socket, "ugc"))
	require.NoError(t, err)
	require.NoError(t, engine.Exec(t.Context(), "TRUNCATE TABLE ugc_watermarks"))
	require.NoError(t, engine.Close())
	s.kill()

	documents, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "documents.sqlite")+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	_, err = documents.ExecContext(t.Context(), "DELETE FROM ugc_watermarks")
	require.NoError(t, err)
	require.NoError(t, documents.Close())

	b, err := broker.Open(broker.Options{DataDir: filepath.Join(s.dir, "kafka"), Addr: "127.0.0.1:0"})
	require.NoError(t, err)
	admin := kadm.NewClient(kafkaAt(t, b.Addr()))
	groups, err := admin.ListGroups(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, groups.Groups())
	for _, group := range groups.Groups() {
		offsets, err := admin.FetchOffsets(t.Context(), group)
		require.NoError(t, err)
		start := kadm.Offsets{}
		offsets.Each(func(o kadm.OffsetResponse) { start.AddOffset(o.Topic, o.Partition, 0, -1) })
		s.await("the group is taken to be gone", func() bool {
			done, err := admin.CommitOffsets(t.Context(), group, start)
			return err == nil && done.Error() == nil
		})
	}
	require.NoError(t, b.Close())
}
