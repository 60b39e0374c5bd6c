{{define "viewing.table" -}}
-- One row is all that is known of a user and a movie after an event; of a key's rows the one of the greatest version counts.
-- A time of 0 says that there is no position or resume point, a duration of 0 that nobody told it; readers of the view see NULL.
CREATE TABLE IF NOT EXISTS {{.Local}}{{.OnCluster}}
(
    user_id        String CODEC(ZSTD(1)),
    movie_id       LowCardinality(String),
    partition      Int32 CODEC(ZSTD(1)),
    version        UInt64 CODEC(ZSTD(1)),
    position_ms    Int64 CODEC(ZSTD(1)),
    position_at    DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    resume_ms      Int64 CODEC(ZSTD(1)),
    resume_at      DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    duration_ms    Int64 CODEC(ZSTD(1)),
    watched        Nested(start_ms Int64, end_ms Int64),
    watched_ms     Int64 CODEC(ZSTD(1)),
    plays          Int64 CODEC(T64, ZSTD(1)),
    completed      Bool,
    viewed_seconds Int64 CODEC(T64, ZSTD(1)),
    first_seen     DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    last_seen      DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = {{.Engine "ReplacingMergeTree" "version"}}
ORDER BY (user_id, movie_id)
SETTINGS {{.Durable}}
{{- end}}

{{define "viewing.view" -}}
CREATE OR REPLACE VIEW {{.View}}{{.OnCluster}} AS
SELECT
    t.user_id,
    t.movie_id,
    t.partition,
    t.version,
    if({{.IsGiven "t.position_at"}}, t.position_ms, NULL) AS position_ms,
    {{.Given "t.position_at"}} AS position_at,
    if({{.IsGiven "t.resume_at"}}, t.resume_ms, NULL) AS resume_ms,
    {{.Given "t.resume_at"}} AS resume_at,
    nullIf(t.duration_ms, 0) AS duration_ms,
    CAST(arrayZip(t.watched.start_ms, t.watched.end_ms), 'Array(Tuple(start_ms Int64, end_ms Int64))') AS watched,
    t.watched_ms,
    t.plays,
    t.completed,
    t.viewed_seconds,
    t.first_seen,
    t.last_seen
FROM {{.Table}} AS t FINAL
{{- end}}
