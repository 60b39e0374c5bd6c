package clickhouse_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/clickhouse"
)

// everything is all that a rendering can say.
func everything(r clickhouse.Rendering) []clickhouse.Statement {
	out := slices.Concat(r.Databases(true), r.Catalog())
	for _, view := range []string{"playback_events", "viewing", "feedback_events", "feedback"} {
		g := projections.Generation{View: view, Number: 1}
		out = append(out, r.Generation(g)...)
		out = append(out, r.View(view))
		out = append(out, r.Drop(g)...)
	}
	for _, view := range clickhouse.Derived() {
		out = append(out, r.View(view))
	}
	return append(out, r.Compat()...)
}

var (
	single  = clickhouse.Rendering{Database: "ugc", CompatDatabase: "movies"}
	cluster = clickhouse.Rendering{Database: "ugc", CompatDatabase: "movies", Cluster: "main_cluster"}
)

func TestBothRenderingsParse(t *testing.T) {
	conn := connect(t, "")
	for _, r := range []clickhouse.Rendering{single, cluster, {Database: "a`b\\", CompatDatabase: "c'd", Cluster: "e`f\\'"}} {
		for _, st := range everything(r) {
			require.NoError(t, conn.Exec(t.Context(), "EXPLAIN AST "+st.SQL), st.SQL)
		}
	}
	require.Error(t, conn.Exec(t.Context(), "EXPLAIN AST "+strings.Replace(single.View("viewing").SQL, "SELECT", "SELEC", 1)), "what does not parse is found")
}

// TestRenderingsDifferInEnginesAlone takes out of the cluster's DDL what makes it a cluster's, and is left with the single server's.
func TestRenderingsDifferInEnginesAlone(t *testing.T) {
	taken := map[string]*regexp.Regexp{
		"":           regexp.MustCompile(" ON CLUSTER `main_cluster`"),
		"ENGINE = ":  regexp.MustCompile(`ENGINE = Replicated`),
		"MergeTree(": regexp.MustCompile(`MergeTree\('/clickhouse/tables/\{uuid\}/all', '\{shard\}-\{replica\}'(, )?`),
		"`$1`":       regexp.MustCompile("`([a-z_]+__g1)_local`"),
	}
	var left []clickhouse.Statement
	for _, st := range everything(cluster) {
		if strings.HasSuffix(st.Purpose, "all shards") {
			continue
		}
		for with, what := range taken {
			st.SQL = what.ReplaceAllString(st.SQL, with)
		}
		left = append(left, st)
	}
	require.Equal(t, everything(single), left)
}

func TestClusterShardsByUser(t *testing.T) {
	for _, view := range []string{"playback_events", "viewing", "feedback_events", "feedback"} {
		statements := cluster.Generation(projections.Generation{View: view, Number: 3})
		require.Len(t, statements, 2)
		require.Contains(t, statements[0].SQL, "CREATE TABLE IF NOT EXISTS `ugc`.`"+view+"__g3_local` ON CLUSTER `main_cluster`")
		require.Contains(t, statements[0].SQL, "ENGINE = ReplicatedReplacingMergeTree(")
		require.Contains(t, statements[1].SQL, "ENGINE = Distributed('main_cluster', 'ugc', '"+view+"__g3_local', cityHash64(user_id))")
	}
	require.Contains(t, cluster.View("viewing").SQL, "FROM `ugc`.`viewing__g1` AS t FINAL")
}

// The names that the domain puts on events must be known to the columns that hold them.
func TestEnumsKnowEveryNameOfTheDomain(t *testing.T) {
	playback := single.Generation(projections.Generation{View: "playback_events", Number: 1})[0].SQL
	feedback := single.Generation(projections.Generation{View: "feedback_events", Number: 1})[0].SQL
	for _, name := range append(domain.ReportTypes(), domain.ReportType(0).String()) {
		require.Contains(t, playback, "'"+name+"' =")
	}
	for _, v := range []domain.Verdict{0, domain.Applied, domain.Duplicate, domain.Stale} {
		require.Contains(t, playback, "'"+v.String()+"' =")
		require.Contains(t, feedback, "'"+v.String()+"' =")
	}
	for _, k := range []domain.OpinionKind{0, domain.LikeKind, domain.BookmarkKind, domain.RatingKind} {
		require.Contains(t, feedback, "'"+k.String()+"' =")
	}
}

func TestGenerationsSyncUnlessToldOtherwise(t *testing.T) {
	g := projections.Generation{View: "viewing", Number: 1}
	require.Contains(t, single.Generation(g)[0].SQL, "fsync_after_insert = 1, fsync_part_directory = 1")
	lax := single
	lax.NoFsync = true
	require.Contains(t, lax.Generation(g)[0].SQL, "fsync_after_insert = 0, fsync_part_directory = 0")
}
