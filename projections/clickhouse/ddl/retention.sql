{{define "retention.view" -}}
-- One row is a twentieth of a movie, part 0 to 19, each from part * 5 % on. A viewer counts for each part of which any moment was
-- watched; the share is of the viewers who watched anything of the movie and whose player told its length.
CREATE OR REPLACE VIEW {{.View}}{{.OnCluster}} AS
SELECT
    movie_id,
    toUInt8(tupleElement(bar, 1)) AS part,
    toUInt64(tupleElement(bar, 2)) AS viewers,
    audience,
    viewers / audience AS share
FROM
(
    SELECT
        movie_id,
        count() AS audience,
        arrayJoin(arrayZip(range(20), sumForEach(arrayMap(p -> bitTest(seen, p), range(20))))) AS bar
    FROM
    (
        SELECT
            movie_id,
            arrayReduce('groupBitOr', arrayMap(
                (s, e) -> toUInt32(
                    bitShiftLeft(toUInt64(1), toUInt8(least(toInt128(20), intDiv(toInt128(e) * 20 - 1, duration_ms) + 1)))
                    - bitShiftLeft(toUInt64(1), toUInt8(least(toInt128(20), intDiv(toInt128(s) * 20, duration_ms))))),
                watched.start_ms, watched.end_ms)) AS seen
        FROM {{.TableOf "viewing"}} FINAL
        WHERE duration_ms > 0 AND watched_ms > 0
    )
    WHERE seen != 0
    GROUP BY movie_id
)
{{- end}}
