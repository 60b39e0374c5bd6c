{{define "playback_events.table" -}}
-- One row is one event. Its identity is (partition, version); the columns before them in the order come from the command behind it, so
-- that a row that comes again sorts to the same place and month, and replaces itself.
-- Months are months of arrival: a batch touches one or two of them, and old ones merge into one part that FINAL reads as it is.
-- An integer of -1, a time of 0, a duration, rate or sequence of 0 stand for "not given"; readers of the view see NULL.
CREATE TABLE IF NOT EXISTS {{.Local}}{{.OnCluster}}
(
    partition         Int32 CODEC(ZSTD(1)),
    version           UInt64 CODEC(Delta, ZSTD(1)),
    event_id          UUID CODEC(NONE),
    user_id           String CODEC(ZSTD(1)),
    movie_id          LowCardinality(String),
    session_id        String CODEC(ZSTD(1)),
    device_id         String CODEC(ZSTD(1)),
    sequence          Int64 CODEC(T64, ZSTD(1)),
    at                DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    occurred_at       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    sent_at           DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    type              Enum8('unknown' = 0, 'play' = 1, 'pause' = 2, 'stop' = 3, 'fast_forward' = 4, 'rewind' = 5, 'seek' = 6, 'heartbeat' = 7, 'end' = 8, 'viewing' = 100, 'touch' = 101),
    position_ms       Int64 CODEC(T64, ZSTD(1)),
    from_ms           Int64 CODEC(T64, ZSTD(1)),
    duration_ms       Int64 CODEC(T64, ZSTD(1)),
    rate              Float64 CODEC(ZSTD(1)),
    reported          Nested(start_ms Int64, end_ms Int64),
    viewed_seconds    Int64 CODEC(T64, ZSTD(1)),
    verdict           Enum8('unknown' = 0, 'applied' = 1, 'duplicate' = 2, 'stale' = 3),
    newly_watched_ms  Int64 CODEC(T64, ZSTD(1)),
    hour              DateTime('UTC') MATERIALIZED {{.HourOf "at"}} CODEC(Delta, ZSTD(1)),
    INDEX users user_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{.Engine "ReplacingMergeTree" ""}}
PARTITION BY toYYYYMM(received_at)
PRIMARY KEY (hour, movie_id)
ORDER BY (hour, movie_id, user_id, partition, version)
SETTINGS min_age_to_force_merge_seconds = 86400, min_age_to_force_merge_on_partition_only = 1, {{.Durable}}
{{- end}}

{{define "playback_events.view" -}}
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
    nullIf(t.position_ms, -1) AS position_ms,
    nullIf(t.from_ms, -1) AS from_ms,
    nullIf(t.duration_ms, 0) AS duration_ms,
    nullIf(t.rate, 0) AS rate,
    CAST(arrayZip(t.reported.start_ms, t.reported.end_ms), 'Array(Tuple(start_ms Int64, end_ms Int64))') AS reported,
    nullIf(t.viewed_seconds, -1) AS viewed_seconds,
    t.verdict,
    t.newly_watched_ms
FROM {{.Table}} AS t FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1, use_skip_indexes_if_final = 1
{{- end}}
