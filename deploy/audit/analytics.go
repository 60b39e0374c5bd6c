package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"ugc/domain"
	"ugc/projections"
)

// scanWithin bounds the reading of one partition of one view.
const scanWithin = 30 * time.Minute

// Analytics are the stored views of ClickHouse. conn is of the views' database; marks are the sinks that know how far each has come.
func Analytics(conn driver.Conn, marks map[string]projections.Sink) map[string]Rows {
	out := make(map[string]Rows, len(analyticsFields))
	for name, fields := range analyticsFields {
		out[name] = &analyticsRows{conn, marks[name], name, strings.Split(strings.TrimSpace(fields), "\n")}
	}
	return out
}

// analyticsFields say how the fields of a row become text, one on each line: the name, and after a colon its SQL where it is not the column's text
// alone. Times are milliseconds, absent values nothing. They are in the order of the text that the audit makes of what should be there.
var analyticsFields = map[string]string{
	"playback_events": headFields + `
type
position_ms
from_ms
duration_ms
rate_bits: reinterpretAsInt64(rate)
reported: replaceAll(toString(reported), ' ', '')
viewed_seconds
newly_watched_ms
verdict`,
	"viewing": `
position_ms
position_at: toUnixTimestamp64Milli(position_at)
resume_ms
resume_at: toUnixTimestamp64Milli(resume_at)
duration_ms
watched: replaceAll(toString(watched), ' ', '')
watched_ms
plays
completed: if(completed, 'true', 'false')
viewed_seconds
first_seen: toUnixTimestamp64Milli(first_seen)
last_seen: toUnixTimestamp64Milli(last_seen)`,
	"feedback_events": headFields + `
type
kind
value
verdict`,
	"feedback": `
like
like_updated_at: toUnixTimestamp64Milli(like_updated_at)
bookmark: if(bookmark, 'true', 'false')
bookmark_updated_at: toUnixTimestamp64Milli(bookmark_updated_at)
rating
rating_updated_at: toUnixTimestamp64Milli(rating_updated_at)`,
}

const headFields = `
user_id
movie_id
event_id
session_id
device_id
sequence
at: toUnixTimestamp64Milli(at)
occurred_at: toUnixTimestamp64Milli(occurred_at)
sent_at: toUnixTimestamp64Milli(sent_at)
received_at: toUnixTimestamp64Milli(received_at)`

// derivedFields are the key of each derived view, and its fields in the same form.
var derivedFields = map[string]struct{ key, fields string }{
	"movie_audience": {"toString(movie_id)", `
viewers
watch_time_ms
completions
completion_rate_bits: reinterpretAsInt64(completion_rate)
plays
mean_rating_bits: reinterpretAsInt64(mean_rating)
ratings
likes
dislikes
bookmarks`},
	"watch_by_hour": {"concat(toString(toUnixTimestamp(hour)), '/', toString(movie_id))", `
newly_watched_ms
viewers`},
	"retention": {"concat(toString(movie_id), '/', toString(part))", `
viewers
audience
share_bits: reinterpretAsInt64(share)`},
}

// DerivedAnalytics are the derived views of ClickHouse; conn is of their database.
func DerivedAnalytics(conn driver.Conn) Derived { return derivedAnalytics{conn} }

type derivedAnalytics struct{ conn driver.Conn }

// Scan implements Derived.
func (d derivedAnalytics) Scan(ctx context.Context, view string, each func(Row) error) error {
	of := derivedFields[view]
	query := "SELECT " + of.key + ", " + textOf(strings.Split(strings.TrimSpace(of.fields), "\n")) + " FROM " + view
	return scanAll(ctx, d.conn, view, query, nil, func(rows driver.Rows) error {
		var r Row
		if err := rows.Scan(&r.Key, &r.Text); err != nil {
			return err
		}
		return each(r)
	})
}

// Beyond implements Derived.
func (d derivedAnalytics) Beyond(ctx context.Context, stored string, marks map[int32]projections.Watermark) (beyond int64, err error) {
	query := "SELECT toInt64(count()) FROM " + stored + " WHERE NOT (0"
	for p, m := range marks {
		query += fmt.Sprintf(" OR partition = %d AND toInt64(version) <= %d", p, m.Version)
	}
	err = scanAll(ctx, d.conn, stored, query+")", nil, func(rows driver.Rows) error { return rows.Scan(&beyond) })
	return beyond, err
}

type analyticsRows struct {
	conn   driver.Conn
	marks  projections.Sink
	view   string
	fields []string
}

// Watermarks implements Rows.
func (r *analyticsRows) Watermarks(ctx context.Context) (map[int32]projections.Watermark, error) {
	return r.marks.Watermarks(ctx)
}

// Scan implements Rows.
func (r *analyticsRows) Scan(ctx context.Context, partition int32, each func(Row) error) error {
	return scanAll(ctx, r.conn, r.view, r.query(), []any{partition}, func(rows driver.Rows) error {
		var user, movie, text string
		var version uint64
		if err := rows.Scan(&user, &movie, &version, &text); err != nil {
			return err
		}
		return each(Row{Key: domain.Key(user, movie), Version: domain.Version(version), Text: text})
	})
}

// scanAll runs a query and hands over every row.
func scanAll(ctx context.Context, conn driver.Conn, view, query string, args []any, each func(driver.Rows) error) error {
	ctx, cancel := context.WithTimeout(ctx, scanWithin)
	defer cancel() // ends the query on the server too, where rows are left
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return domain.Wrap(domain.Unavailable, "read "+view, err)
	}
	defer func() { cancel(); _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return fmt.Errorf("read %s: %w", view, err)
		}
	}
	if err := errors.Join(rows.Err(), ctx.Err()); err != nil {
		return domain.Wrap(domain.Unavailable, "read "+view, err)
	}
	return nil
}

// query makes one text of each row, so that what arrives is what is compared.
func (r *analyticsRows) query() string {
	return "SELECT user_id, toString(movie_id), version, " + textOf(r.fields) + " FROM " + r.view + " WHERE partition = ?"
}

func textOf(fields []string) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		name, sql, ok := strings.Cut(f, ": ")
		if !ok {
			sql = "`" + name + "`"
		}
		parts[i] = "concat('" + name + "=', ifNull(toString(" + sql + "), ''))"
	}
	return "arrayStringConcat([" + strings.Join(parts, ", ") + "], char(31))"
}
