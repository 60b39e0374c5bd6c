package deploy

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	analytics "ugc/projections/clickhouse"
	"ugc/projections/documents"
	"ugc/schemas/topics"
	"ugc/streams"
)

// PrintTopology writes what flows where: topics, groups, views. It is made of the same values that run, and starts nothing.
func PrintTopology(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(t, "  "+strings.Join(cells, "\t")) }

	_, _ = fmt.Fprintln(t, "topics")
	for _, topic := range topics.All() {
		line(topic.Name, "by "+topic.Key, topic.Keep.String(), topic.Holds)
	}
	_, _ = fmt.Fprintln(t, "\ngroups")
	for _, g := range streams.Topology() {
		outputs := make([]string, 0, len(g.Outputs))
		for _, o := range g.Outputs {
			outputs = append(outputs, o.Topic.Name)
		}
		to := strings.Join(outputs, ", ")
		if to == "" {
			to = "nothing more"
		}
		line(g.Name, g.Input.Name, "→ "+g.Decider, "→ "+g.Table.Name, "→ "+to)
	}
	_, _ = fmt.Fprintln(t, "\nviews")
	line("positions", topics.PlaybackTable.Name, "→ edge", "by user/movie")
	for _, v := range documents.All() {
		by := "by movie"
		if v.ByUser {
			by = "by user/movie"
		}
		line(v.Name, v.Source.Name, "→ documents", by)
	}
	for _, v := range analytics.Stored() {
		line(v.Name, v.Source.Name, "→ ClickHouse", "stored")
	}
	for _, name := range analytics.Derived() {
		line(name, "stored views", "→ ClickHouse", "derived at each read")
	}
	return t.Flush()
}
