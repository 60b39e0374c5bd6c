// Package importer sends files of events through a running service, like any client.
package importer

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"ugc/domain"
)

// movieLens is the name space of the ids that imported ratings get: the same line always gives the same id, so importing a
// file twice changes nothing.
var movieLens = domain.NamedID(domain.ID{}, "ugc/import/movielens/ratings")

// Event is one event as POST /api/v2/events takes it.
type Event struct {
	Type       string `json:"type"`
	EventID    string `json:"event_id"`
	UserID     string `json:"user_id"`
	MovieID    string `json:"movie_id"`
	OccurredAt int64  `json:"occurred_at"` // Unix milliseconds
	Score      int    `json:"score"`
}

// maxFaults bounds how many bad lines are named at once.
const maxFaults = 20

// ScanMovieLens reads a MovieLens ratings.csv, plain or gzipped: userId, movieId, rating in half stars from 0.5 to 5, timestamp in
// Unix seconds. It calls each for every rating, in the file's order, and stops at its first error. Half stars times two are
// scores 1 to 10; the timestamp is the time of the fact. Bad lines are named, up to 20 of them, in one error.
func ScanMovieLens(path string, each func(Event) error) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open ratings: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in, err := plainText(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	r := csv.NewReader(in)
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	header, err := r.Read()
	if err != nil || strings.Join(header, ",") != "userId,movieId,rating,timestamp" {
		return fmt.Errorf("%s is no MovieLens ratings file: its first line must be userId,movieId,rating,timestamp", path)
	}
	var faults []error
	for len(faults) < maxFaults {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return errors.Join(faults...)
		}
		if err != nil {
			if _, malformed := errors.AsType[*csv.ParseError](err); malformed {
				faults = append(faults, err)
				continue
			}
			return fmt.Errorf("read %s: %w; the file is damaged or cut off", path, err)
		}
		e, err := movieLensRating(row)
		if err != nil {
			line, _ := r.FieldPos(0) // only of a row that was read: csv panics otherwise
			faults = append(faults, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		if len(faults) > 0 {
			continue // only more faults are of interest now
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return errors.Join(append(faults, errors.New("and perhaps more"))...)
}

// plainText undoes gzip where the file is gzipped, whatever its name.
func plainText(r *bufio.Reader) (io.Reader, error) {
	magic, err := r.Peek(2)
	if err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		return gzip.NewReader(r)
	}
	return r, nil
}

func movieLensRating(row []string) (Event, error) {
	if len(row) != 4 {
		return Event{}, fmt.Errorf("has %d fields, not 4", len(row))
	}
	for i, what := range []string{"userId", "movieId"} {
		if _, msg := domain.ValidateKeyPart(row[i]); msg != "" {
			return Event{}, fmt.Errorf("%s %q %s", what, row[i], msg)
		}
	}
	score, ok := halfStars(row[2])
	if !ok {
		return Event{}, fmt.Errorf("rating %q must be 0.5 to 5 in steps of 0.5", row[2])
	}
	seconds, err := strconv.ParseInt(row[3], 10, 64)
	if err != nil || seconds < 1 || seconds > domain.LastInstant/1000 {
		return Event{}, fmt.Errorf("timestamp %q must be Unix seconds after 1970", row[3])
	}
	return Event{
		Type: "rating", EventID: domain.NamedID(movieLens, strings.Join(row, ",")).String(),
		UserID: strings.Clone(row[0]), MovieID: strings.Clone(row[1]), OccurredAt: seconds * 1000, Score: score,
	}, nil
}

// halfStars reads stars such as 2.5, exactly: a float would take 5.0000000000000001 for 5.
func halfStars(text string) (score int, ok bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseUint(whole, 10, 8)
	score = 2 * int(n)
	switch strings.TrimRight(fraction, "0") {
	case "":
	case "5":
		score++
	default:
		return 0, false
	}
	return score, err == nil && score >= 1 && score <= domain.MaxScore
}
