{{define "feedback.table" -}}
-- One row is a user's opinions of a movie after an event; of a key's rows the one of the greatest version counts. A time of 0 says
-- that the opinion was never given; readers of the view see NULL for what is not set.
CREATE TABLE IF NOT EXISTS {{.Local}}{{.OnCluster}}
(
    user_id             String CODEC(ZSTD(1)),
    movie_id            LowCardinality(String),
    partition           Int32 CODEC(ZSTD(1)),
    version             UInt64 CODEC(ZSTD(1)),
    like_set            Bool,
    like_value          Int32 CODEC(T64, ZSTD(1)),
    like_updated_at     DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    bookmark_set        Bool,
    bookmark_updated_at DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    rating_set          Bool,
    rating_value        Int32 CODEC(T64, ZSTD(1)),
    rating_updated_at   DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = {{.Engine "ReplacingMergeTree" "version"}}
ORDER BY (user_id, movie_id)
SETTINGS {{.Durable}}
{{- end}}

{{define "feedback.view" -}}
CREATE OR REPLACE VIEW {{.View}}{{.OnCluster}} AS
SELECT
    t.user_id,
    t.movie_id,
    t.partition,
    t.version,
    if(t.like_set, t.like_value, NULL) AS `like`,
    {{.Given "t.like_updated_at"}} AS like_updated_at,
    t.bookmark_set AS bookmark,
    {{.Given "t.bookmark_updated_at"}} AS bookmark_updated_at,
    if(t.rating_set, t.rating_value, NULL) AS rating,
    {{.Given "t.rating_updated_at"}} AS rating_updated_at
FROM {{.Table}} AS t FINAL
{{- end}}
