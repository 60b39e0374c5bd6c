{{- /* The tables that readers of movies_ugc know, with its names, columns and types. Its ids are UUIDs: what has other ids is in our views alone. */ -}}

{{define "compat.movie_viewing_agg" -}}
-- Viewed seconds summed by user and movie, as the state that sumMerge(viewed_seconds) reads.
CREATE OR REPLACE VIEW {{.Compat "movie_viewing_agg"}}{{.OnCluster}} AS
SELECT
    CAST(toUUIDOrNull(v.user_id), 'UUID') AS user_id,
    CAST(toUUIDOrNull(v.movie_id), 'UUID') AS movie_id,
    initializeAggregation('sumState', v.viewed_seconds) AS viewed_seconds
FROM {{.TableOf "viewing"}} AS v FINAL
WHERE toUUIDOrNull(v.user_id) IS NOT NULL AND toUUIDOrNull(v.movie_id) IS NOT NULL
{{- end}}

{{define "compat.views_progress" -}}
-- Where each film stands for each user. Its user_id is an integer: a numeric id as it is, of any other one a hash.
CREATE OR REPLACE VIEW {{.Compat "views_progress"}}{{.OnCluster}} AS
SELECT
    toDateTime(intDiv(least(toUnixTimestamp64Milli(v.position_at), 4294967295000), 1000), 'UTC') AS created,
    cityHash64(v.user_id, v.movie_id) AS id,
    v.position_ms AS movie_frame,
    CAST(toUUIDOrNull(v.movie_id), 'UUID') AS movie_id,
    toFloat64(if(f.rating_set, f.rating_value, 0)) AS rating,
    ifNull(toInt64OrNull(v.user_id), reinterpretAsInt64(cityHash64(v.user_id))) AS user_id
FROM (SELECT * FROM {{.TableOf "viewing"}} FINAL) AS v
LEFT JOIN (SELECT user_id, movie_id, rating_set, rating_value FROM {{.TableOf "feedback"}} FINAL) AS f ON f.user_id = v.user_id AND f.movie_id = v.movie_id
WHERE {{.IsGiven "v.position_at"}} AND toUUIDOrNull(v.movie_id) IS NOT NULL
{{- end}}
