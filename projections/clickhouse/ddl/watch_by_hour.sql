{{define "watch_by_hour.view" -}}
-- One row is an hour (UTC, by the time of the fact) in which somebody reported on a movie. A stretch of film counts in the hour of the
-- report that first proved it watched, so that the hours of a user and movie sum up to the watched time. Touches are no reports.
CREATE OR REPLACE VIEW {{.View}}{{.OnCluster}} AS
SELECT
    hour,
    movie_id,
    {{.Sum "newly_watched_ms"}} AS newly_watched_ms,
    uniqExact(user_id) AS viewers
FROM {{.TableOf "playback_events"}} FINAL
WHERE type != 'touch'
GROUP BY hour, movie_id
SETTINGS do_not_merge_across_partitions_select_final = 1
{{- end}}
