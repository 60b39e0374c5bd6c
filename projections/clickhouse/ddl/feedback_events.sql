{{define "feedback_events.table" -}}
-- One row is one event; see playback_events for what its order and months are for.
CREATE TABLE IF NOT EXISTS {{.Local}}{{.OnCluster}}
(
    partition   Int32 CODEC(ZSTD(1)),
    version     UInt64 CODEC(Delta, ZSTD(1)),
    event_id    UUID CODEC(NONE),
    user_id     String CODEC(ZSTD(1)),
    movie_id    LowCardinality(String),
    session_id  String CODEC(ZSTD(1)),
    device_id   String CODEC(ZSTD(1)),
    sequence    Int64 CODEC(T64, ZSTD(1)),
    at          DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    occurred_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    sent_at     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    type        Enum8('unknown' = 0, 'set' = 1, 'cleared' = 2, 'touch' = 101),
    kind        Enum8('none' = 0, 'like' = 1, 'bookmark' = 2, 'rating' = 3),
    value       Int32 CODEC(T64, ZSTD(1)),
    verdict     Enum8('unknown' = 0, 'applied' = 1, 'duplicate' = 2, 'stale' = 3),
    hour        DateTime('UTC') MATERIALIZED {{.HourOf "at"}} CODEC(Delta, ZSTD(1)),
    INDEX users user_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{.Engine "ReplacingMergeTree" ""}}
PARTITION BY toYYYYMM(received_at)
PRIMARY KEY (hour, movie_id)
ORDER BY (hour, movie_id, user_id, partition, version)
SETTINGS min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1, {{.Durable}}
{{- end}}

{{define "feedback_events.view" -}}
CREATE OR REPLACE VIEW {{.View}}{{.OnCluster}} AS
SELECT
    t.partition,
    t.version,
    t.event_id,
    t.user_id,
    t.movie_id,
    t.session_id,
    t.device_id,
    nullIf(t.sequence, 0) AS sequence,
    t.at,
    t.hour,
    {{.Given "t.occurred_at"}} AS occurred_at,
    {{.Given "t.sent_at"}} AS sent_at,
    t.received_at,
    t.type,
    t.kind,
    if(t.type = 'set', t.value, NULL) AS value,
    t.verdict
FROM {{.Table}} AS t FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1, use_skip_indexes_if_final = 1
{{- end}}
