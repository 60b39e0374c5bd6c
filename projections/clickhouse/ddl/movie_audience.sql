{{define "movie_audience.view" -}}
-- One row is a movie that somebody watched or gave an opinion of.
CREATE OR REPLACE VIEW {{.View}}{{.OnCluster}} AS
SELECT
    movie_id,
    sum(v_viewers) AS viewers,
    {{.Sum "v_watched"}} AS watch_time_ms,
    sum(v_completions) AS completions,
    if(viewers = 0, NULL, completions / viewers) AS completion_rate,
    {{.Sum "v_plays"}} AS plays,
    if(ratings = 0, NULL, sum(f_scores) / ratings) AS mean_rating,
    sum(f_ratings) AS ratings,
    sum(f_likes) AS likes,
    sum(f_dislikes) AS dislikes,
    sum(f_bookmarks) AS bookmarks
FROM
(
    SELECT
        movie_id,
        count() AS v_viewers,
        {{.Sum "watched_ms"}} AS v_watched,
        countIf(completed) AS v_completions,
        {{.Sum "plays"}} AS v_plays,
        toInt64(0) AS f_scores,
        toUInt64(0) AS f_ratings,
        toUInt64(0) AS f_likes,
        toUInt64(0) AS f_dislikes,
        toUInt64(0) AS f_bookmarks
    FROM {{.TableOf "viewing"}} FINAL
    GROUP BY movie_id
    UNION ALL
    SELECT
        movie_id,
        toUInt64(0),
        toInt64(0),
        toUInt64(0),
        toInt64(0),
        sumIf(rating_value, rating_set),
        countIf(rating_set),
        countIf(like_set AND like_value = 1),
        countIf(like_set AND like_value = -1),
        countIf(bookmark_set)
    FROM {{.TableOf "feedback"}} FINAL
    GROUP BY movie_id
)
GROUP BY movie_id
{{- end}}
