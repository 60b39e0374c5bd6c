package documents

import (
	"encoding/json"
	"fmt"

	"ugc/domain"
	"ugc/projections"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// MovieSummaries is what all users together think of each movie, as the movies table has it. The mean stands beside the histogram for
// those who read by SQL; folded says which commands are in it, as [partition, version] pairs.
var MovieSummaries = View{
	View: projections.View{Name: "movie_summaries", Source: topics.MoviesTable, Batch: projections.Batching{MaxRecords: MaxBulk}},
	Columns: []Column{
		{"ratings", Integer}, {"mean", Real}, {"histogram", JSON},
		{"likes", Integer}, {"dislikes", Integer}, {"bookmarks", Integer},
		{"folded", JSON},
	},
	Apply: applySummary,
}

func applySummary(r projections.Record) (Document, bool, error) {
	t, ok := r.Value.(*schemas.Table[domain.MovieState])
	if !ok {
		return Document{}, false, fmt.Errorf("a %T is no value of the movies table", r.Value)
	}
	if len(t.State.Folded) == 0 {
		return Document{}, false, nil // touched, but no feedback yet
	}
	s := &t.State.Summary
	return Document{
		ID: r.Key, Movie: r.Key, Version: r.Version, UpdatedAt: s.UpdatedAt,
		Values: []any{s.Ratings, s.Mean(), text(s.Histogram[:]), s.Likes, s.Dislikes, s.Bookmarks, text(pairs(t.State.Folded))},
	}, true, nil
}

func summaryOf(d Document) (s domain.MovieSummary, folded []domain.Origin, err error) {
	s.UpdatedAt = d.UpdatedAt
	s.Ratings, s.Likes, s.Dislikes, s.Bookmarks = d.integer(0), d.integer(3), d.integer(4), d.integer(5)
	var p [][2]int64
	if err := json.Unmarshal([]byte(d.json(2)), &s.Histogram); err != nil {
		return s, nil, fmt.Errorf("histogram of %s: %w", d.ID, err)
	}
	if err := json.Unmarshal([]byte(d.json(6)), &p); err != nil {
		return s, nil, fmt.Errorf("folded of %s: %w", d.ID, err)
	}
	for _, o := range p {
		folded = append(folded, domain.Origin{Partition: int32(o[0]), Version: domain.Version(o[1])})
	}
	return s, folded, nil
}

func pairs(folded []domain.Origin) [][2]int64 {
	p := make([][2]int64, len(folded))
	for i, o := range folded {
		p[i] = [2]int64{int64(o.Partition), int64(o.Version)}
	}
	return p
}

func text[T any](numbers []T) string {
	b, err := json.Marshal(numbers)
	if err != nil {
		panic(err) // numbers always have a JSON form
	}
	return string(b)
}

// integer and json read a value that a store gave back; a store that holds another type there breaks its contract, and zero is shown.
func (d Document) integer(i int) int64 { v, _ := d.value(i).(int64); return v }
func (d Document) json(i int) string   { v, _ := d.value(i).(string); return v }

func (d Document) value(i int) any {
	if i < len(d.Values) {
		return d.Values[i]
	}
	return nil
}
