{{- /* Small tables about the views. In a cluster every node holds all of them. */ -}}

{{define "migrations.table" -}}
-- Which numbered migrations were carried out.
CREATE TABLE IF NOT EXISTS {{.Catalog "ugc_migrations"}}{{.OnCluster}}
(
    number     UInt32,
    name       String,
    applied_at DateTime64(3, 'UTC')
)
ENGINE = {{.CatalogEngine "ReplacingMergeTree" ""}}
ORDER BY number
SETTINGS {{.Durable}}
{{- end}}

{{define "generations.table" -}}
-- Which generation of a view is the live one: of its rows, the one of the greatest swap.
CREATE TABLE IF NOT EXISTS {{.Catalog "ugc_generations"}}{{.OnCluster}}
(
    view       String,
    swap       UInt64,
    generation UInt32,
    swapped_at DateTime64(3, 'UTC')
)
ENGINE = {{.CatalogEngine "ReplacingMergeTree" "swap"}}
ORDER BY view
SETTINGS {{.Durable}}
{{- end}}

{{define "watermarks.table" -}}
-- How far a generation has come in a partition. Each number only grows, whoever writes it and in whatever order.
CREATE TABLE IF NOT EXISTS {{.Catalog "ugc_watermarks"}}{{.OnCluster}}
(
    view        String,
    generation  UInt32,
    partition   Int32,
    next_offset SimpleAggregateFunction(max, Int64),
    version     SimpleAggregateFunction(max, Int64),
    advanced_at SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = {{.CatalogEngine "AggregatingMergeTree" ""}}
ORDER BY (view, generation, partition)
SETTINGS {{.Durable}}
{{- end}}

{{define "blocked.table" -}}
-- Keys whose records wait in the dead letters, and the offset of the first of them.
CREATE TABLE IF NOT EXISTS {{.Catalog "ugc_blocked"}}{{.OnCluster}}
(
    view           String,
    generation     UInt32,
    key            String,
    partition      Int32,
    blocked_offset Int64,
    blocked_at     DateTime64(3, 'UTC')
)
ENGINE = {{.CatalogEngine "ReplacingMergeTree" ""}}
ORDER BY (view, generation, key, partition, blocked_offset)
SETTINGS {{.Durable}}
{{- end}}
