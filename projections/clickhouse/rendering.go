package clickhouse

import (
	"embed"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"text/template"

	"ugc/projections"
)

//go:embed ddl/*.sql
var ddlFiles embed.FS

var ddl = template.Must(template.New("ddl").Option("missingkey=error").ParseFS(ddlFiles, "ddl/*.sql"))

// Rendering is what the DDL templates are rendered for: one server or the embedded engine when Cluster is empty, else a cluster. The
// difference is engine names, ON CLUSTER, and the Distributed tables in front of the sharded ones; a test holds that.
type Rendering struct {
	Database       string
	Cluster        string         // as remote_servers names it
	CompatDatabase string         // of the tables that readers of movies_ugc know
	Live           map[string]int // the live generation by view, 1 where not named
	NoFsync        bool           // leave syncing to the server's own settings
}

// Statement is one statement of DDL and what it is for.
type Statement struct {
	Purpose string
	SQL     string
}

// Of is the live generation of a view.
func (r Rendering) Of(view string) projections.Generation {
	return projections.Generation{View: view, Number: max(1, r.Live[view])}
}

// with is the same rendering with another generation live.
func (r Rendering) with(g projections.Generation) Rendering {
	r.Live = maps.Clone(r.Live)
	if r.Live == nil {
		r.Live = map[string]int{}
	}
	r.Live[g.View] = g.Number
	return r
}

// Databases creates the databases.
func (r Rendering) Databases(compat bool) []Statement {
	names := []string{r.Database}
	if compat {
		names = append(names, r.CompatDatabase)
	}
	var out []Statement
	for _, name := range names {
		out = append(out, Statement{"database " + name, "CREATE DATABASE IF NOT EXISTS " + quoteName(name) + r.onCluster()})
	}
	return out
}

// Catalog creates the small tables about the views.
func (r Rendering) Catalog() []Statement {
	var out []Statement
	for _, name := range []string{"migrations", "generations", "watermarks", "blocked"} {
		out = append(out, r.render("table ugc_"+name, name+".table", page{Rendering: r}))
	}
	return out
}

// Generation creates the tables of one generation of a stored view; what is there already stays as it is.
func (r Rendering) Generation(g projections.Generation) []Statement {
	p := page{Rendering: r, generation: g}
	out := []Statement{r.render("table "+g.String(), g.View+".table", p)}
	if r.Cluster != "" {
		out = append(out, r.render("table "+g.String()+" of all shards", "distributed", p))
	}
	return out
}

// Drop removes the tables of a generation and what the catalog knows of it, the watermarks first: without them it would be filled anew.
func (r Rendering) Drop(g projections.Generation) []Statement {
	var out []Statement
	for _, catalog := range []string{"ugc_watermarks", "ugc_blocked"} {
		out = append(out, Statement{"forget " + g.String() + " in " + catalog, "DELETE FROM " + r.table(catalog) + " WHERE view = " + quoteText(g.View) + " AND generation = " + strconv.Itoa(g.Number)})
	}
	p := page{Rendering: r, generation: g}
	out = append(out, Statement{"drop " + g.String(), "DROP TABLE IF EXISTS " + p.Table() + r.onCluster() + " SYNC"})
	if r.Cluster != "" {
		out = append(out, Statement{"drop " + g.String() + " on all shards", "DROP TABLE IF EXISTS " + p.Local() + r.onCluster() + " SYNC"})
	}
	return out
}

// View makes the stable name of a stored view show its live generation, or a derived view show those of what it derives from. It replaces
// what was there in one step; queries under way end on what they began with.
func (r Rendering) View(name string) Statement {
	return r.render("view "+name, name+".view", page{Rendering: r, generation: r.Of(name)})
}

// Compat are the views with the names that readers of movies_ugc know.
func (r Rendering) Compat() []Statement {
	var out []Statement
	for _, name := range []string{"movie_viewing_agg", "views_progress"} {
		out = append(out, r.render("view "+r.CompatDatabase+"."+name, "compat."+name, page{Rendering: r}))
	}
	return out
}

func (r Rendering) render(purpose, name string, p page) Statement {
	var b strings.Builder
	if err := ddl.ExecuteTemplate(&b, name, p); err != nil {
		panic(fmt.Sprintf("clickhouse: template %s: %v", name, err)) // the templates are part of the program; a test renders all of them
	}
	return Statement{Purpose: purpose, SQL: b.String()}
}

func (r Rendering) onCluster() string {
	if r.Cluster == "" {
		return ""
	}
	return " ON CLUSTER " + quoteName(r.Cluster)
}

func (r Rendering) table(name string) string { return quoteName(r.Database) + "." + quoteName(name) }

// page is what a template sees. Its methods are the words of the templates.
type page struct {
	Rendering
	generation projections.Generation
}

// OnCluster is the clause, or nothing.
func (p page) OnCluster() string { return p.onCluster() }

// Table is what is read and written of this generation.
func (p page) Table() string { return p.table(p.generation.String()) }

// Local is what stores this generation on one node.
func (p page) Local() string { return p.table(p.localName()) }

// LocalName is its name as a literal.
func (p page) LocalName() string { return quoteText(p.localName()) }

func (p page) localName() string {
	if p.Rendering.Cluster == "" {
		return p.generation.String()
	}
	return p.generation.String() + "_local"
}

// View is the stable name.
func (p page) View() string { return p.table(p.generation.View) }

// TableOf is the live generation of another view.
func (p page) TableOf(view string) string { return p.table(p.Of(view).String()) }

// Catalog is a table about the views.
func (p page) Catalog(name string) string { return p.table(name) }

// Compat is a view of the compatibility schema.
func (p page) Compat(name string) string { return quoteName(p.CompatDatabase) + "." + quoteName(name) }

// ClusterName and DatabaseName are literals.
func (p page) ClusterName() string { return quoteText(p.Rendering.Cluster) }

// DatabaseName is a literal.
func (p page) DatabaseName() string { return quoteText(p.Database) }

// Engine is a table engine of one server, or the replicated one under the server's default path, sharded.
func (p page) Engine(name, version string) string {
	if p.Rendering.Cluster != "" {
		name = "Replicated" + name
	}
	return name + "(" + version + ")"
}

// CatalogEngine is the same, but all nodes of a cluster are replicas of one table.
func (p page) CatalogEngine(name, version string) string {
	if p.Rendering.Cluster == "" {
		return p.Engine(name, version)
	}
	replicas := `'/clickhouse/tables/{uuid}/all', '{shard}-{replica}'`
	if version != "" {
		replicas += ", " + version
	}
	return p.Engine(name, replicas)
}

// Durable are the settings that let an answered INSERT survive the death of the machine. Merged parts are not synced; their sources stay
// for eight minutes, longer than the kernel keeps anything back.
func (p page) Durable() string {
	if p.NoFsync {
		return "fsync_after_insert = 0, fsync_part_directory = 0"
	}
	return "fsync_after_insert = 1, fsync_part_directory = 1"
}

// IsGiven says whether a time is not the zero that stands for "not given".
func (p page) IsGiven(column string) string { return column + " != toDateTime64(0, 3, 'UTC')" }

// Given is a time, NULL where it is not given.
func (p page) Given(column string) string {
	return "nullIf(" + column + ", toDateTime64(0, 3, 'UTC'))"
}

// HourOf is the hour of a time, which stays at the last hour of DateTime (2106) where toStartOfHour would wrap around.
func (p page) HourOf(column string) string {
	return "toDateTime(intDiv(least(toUnixTimestamp64Milli(" + column + "), 4294965599999), 3600000) * 3600, 'UTC')"
}

// Sum adds without wrapping around: at the top it stays there, as the sums of the domain do.
func (p page) Sum(column string) string {
	return "toInt64(least(sum(toInt128(" + column + ")), toInt128(9223372036854775807)))"
}

// quoteName makes an identifier of any text.
func quoteName(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}

// quoteText makes a literal of any text.
func quoteText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// parseGeneration is the inverse of projections.Generation.String.
func parseGeneration(table string) (projections.Generation, bool) {
	view, number, ok := cutLast(table, "__g")
	if !ok {
		return projections.Generation{}, false
	}
	n, err := strconv.Atoi(number)
	return projections.Generation{View: view, Number: n}, err == nil && n > 0
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
