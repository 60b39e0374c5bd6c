package validate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	_ "github.com/prometheus/prometheus/discovery/dns" // the configuration names it
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
)

func TestPrometheusReadsItsConfiguration(t *testing.T) {
	c, err := config.LoadFile(filepath.Join(root, "deploy/prometheus/prometheus.yaml"), false, quiet)
	require.NoError(t, err)
	require.Len(t, c.ScrapeConfigs, 1)
	require.Equal(t, "ugc", c.ScrapeConfigs[0].JobName, "alerts and dashboards go by it")
	for _, file := range c.RuleFiles {
		_, err := os.Stat(file)
		require.NoError(t, err)
	}
}

// expression is a query with where it stands.
type expression struct{ where, text string }

func alerts(t *testing.T) (out []expression) {
	t.Helper()
	groups, errs := rulefmt.Parse([]byte(read(t, "deploy/prometheus/alerts.yaml")), false, model.UTF8Validation, promql, quiet)
	require.Empty(t, errs)
	operations := read(t, "docs/OPERATIONS.md")
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			out = append(out, expression{r.Alert, r.Expr})
			require.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], r.Alert)
			require.NotEmpty(t, r.Annotations["summary"], r.Alert)
			page, section, ok := strings.Cut(r.Annotations["runbook"], "#")
			require.True(t, ok && page == "docs/OPERATIONS.md", r.Alert)
			require.Contains(t, anchors(operations), section, "%s: the page has no such section", r.Alert)
		}
	}
	return out
}

// anchors are the addresses of a page's headings.
func anchors(markdown string) (out []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(markdown, -1) {
		plain := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(plain, " ", "-"))
	}
	return out
}

func panels(t *testing.T) (out []expression) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "deploy/grafana/*.json"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	var uids []string
	for _, file := range files {
		var board struct {
			UID, Title string
			Panels     []struct {
				ID      int
				Title   string
				GridPos struct{ X, Y, W, H int }
				Targets []struct{ Expr string }
			}
		}
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &board))
		uids = append(uids, board.UID)
		seen := map[int]bool{}
		for _, p := range board.Panels {
			require.False(t, seen[p.ID], "%s: two panels have the id %d", file, p.ID)
			seen[p.ID] = true
			require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24)
			require.NotEmpty(t, p.Targets, p.Title)
			for _, target := range p.Targets {
				out = append(out, expression{board.Title + ": " + p.Title, strings.ReplaceAll(target.Expr, "$__rate_interval", "1m")})
			}
		}
	}
	slices.Sort(uids)
	require.Len(t, slices.Compact(uids), len(files))
	return out
}

// TestEverythingWatchedIsExposed runs the program, does what makes every series appear, and asks for each name and label that an alert
// or a panel goes by: one that is not there would be silent for ever.
func TestEverythingWatchedIsExposed(t *testing.T) {
	exposed := run(t).exercise(t).metrics(t)
	for _, e := range append(alerts(t), panels(t)...) {
		t.Run(e.where, func(t *testing.T) {
			tree, err := promql.ParseExpr(e.text)
			require.NoError(t, err)
			selectors := 0
			parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
				if s, ok := n.(*parser.VectorSelector); ok {
					selectors++
					name, suffix := series(s.Name)
					family := exposed[name]
					require.NotNil(t, family, "%s is not exposed", s.Name)
					require.Equal(t, suffix, family.GetType() == dto.MetricType_HISTOGRAM, "%s is a %s", s.Name, family.GetType())
					for _, m := range s.LabelMatchers {
						if !slices.Contains([]string{labels.MetricName, "job", "instance", "role"}, m.Name) {
							require.True(t, has(family, m.Name), "%s has no label %s", s.Name, m.Name)
						}
					}
				}
				return nil
			})
			require.Positive(t, selectors)
		})
	}
}

// series is the family that a name belongs to, and whether it is a part of a histogram.
func series(name string) (family string, histogram bool) {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			return base, true
		}
	}
	return name, false
}

func has(f *dto.MetricFamily, label string) bool {
	return slices.ContainsFunc(f.GetMetric(), func(m *dto.Metric) bool {
		return slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == label })
	})
}
