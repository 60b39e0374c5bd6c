package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"ugc/deploy/reference"
	"ugc/domain"
	"ugc/projections/documents"
)

// Documents are the document views of a store that has one file or many shards for all partitions: each scan passes over everything, and gives what
// belongs to the partition.
func Documents(ctx context.Context, store documents.Store, partitions int32) (map[string]Rows, error) {
	out := map[string]Rows{}
	for _, v := range documents.All() {
		builds, err := store.Builds(ctx, v.Name)
		if err != nil {
			return nil, err
		}
		for _, b := range builds {
			if !b.Live {
				continue
			}
			g, err := store.Generation(ctx, v, b.Number)
			if err != nil {
				return nil, err
			}
			out[v.Name] = &documentRows{g, v, partitions}
		}
		if out[v.Name] == nil {
			return nil, &domain.Error{Kind: domain.NotFound, Message: "the view " + v.Name + " has no live generation: has the service ever run on this data folder?"}
		}
	}
	return out, nil
}

type documentRows struct {
	documents.Generation
	view       documents.View
	partitions int32
}

// Scan implements Rows.
func (d *documentRows) Scan(ctx context.Context, partition int32, each func(Row) error) error {
	for after := ""; ; {
		page, err := d.Generation.Scan(ctx, after, documents.MaxPage)
		if err != nil {
			return err
		}
		for i := range page {
			if domain.Partition(page[i].ID, d.partitions) != partition {
				continue
			}
			if err := each(d.row(&page[i])); err != nil {
				return err
			}
		}
		if len(page) < documents.MaxPage {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

func (d *documentRows) row(doc *documents.Document) Row {
	if d.view.ByUser {
		var value int64
		if len(doc.Values) == 1 {
			value, _ = doc.Values[0].(int64)
		}
		return Row{Key: doc.ID, Version: doc.Version,
			Text: opinionText(doc.User, doc.Movie, doc.Deleted, uint64(doc.Added), int64(doc.UpdatedAt), value, len(doc.Values) == 1)}
	}
	return summaryRow(doc, d.view.Columns)
}

func summaryRow(doc *documents.Document, columns []documents.Column) Row {
	r := Row{Key: doc.ID, Version: doc.Version}
	s := reference.Summary{UpdatedAt: int64(doc.UpdatedAt)}
	var mean float64
	numbers := map[string]*int64{"ratings": &s.Ratings, "likes": &s.Likes, "dislikes": &s.Dislikes, "bookmarks": &s.Bookmarks}
	for i, c := range columns {
		switch v := doc.Values[i].(type) {
		case int64:
			if to := numbers[c.Name]; to != nil {
				*to = v
			}
		case float64:
			mean = v
		case string:
			var err error
			switch c.Name {
			case "histogram":
				var scores []int64
				if err = json.Unmarshal([]byte(v), &scores); err == nil && copy(s.Histogram[:], scores) != len(scores) {
					err = fmt.Errorf("%d scores", len(scores))
				}
			case "folded":
				var pairs [][2]int64
				err = json.Unmarshal([]byte(v), &pairs)
				for _, p := range pairs {
					r.Folded = append(r.Folded, domain.Origin{Partition: int32(p[0]), Version: domain.Version(p[1])})
				}
			}
			if err != nil {
				r.Text = c.Name + " unreadable: " + err.Error()
				return r
			}
		}
	}
	if r.Text = summaryText(&s, mean); doc.Deleted || doc.Movie != doc.ID {
		r.Text = "deleted, or of another movie" + fieldEnd + r.Text
	}
	return r
}
