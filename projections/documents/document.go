// Package documents holds the document views: likes, bookmarks, ratings, movie summaries. Each view is a value in a file of its own; one
// store contract, written for what a sharded MongoDB can do, holds them all.
package documents

import (
	"cmp"
	"slices"

	"ugc/domain"
	"ugc/projections"
)

// MaxBulk bounds what is written at once.
const MaxBulk = 1000

// Document is one row of a view at a version. A deleted one is a tombstone: it stays, so that an older record that comes late cannot
// bring back what was cleared.
type Document struct {
	ID      string // user/movie, or movie; deterministic, so that writing twice is writing once
	User    string // "" in views that belong to no user
	Movie   string
	Version domain.Version
	Deleted bool
	// Added orders lists: the version at which the opinion went from not set to set, unique within a user; 0 in a tombstone.
	Added     domain.Version
	UpdatedAt domain.Instant // time of the fact
	Values    []any          // in the order of the view's columns, each of its column's Go type; zero values in a tombstone
}

// Type is what a column holds.
type Type uint8

// The types, with the Go type of their values.
const (
	Integer Type = iota + 1 // int64
	Real                    // float64
	JSON                    // string, valid JSON
)

var typeNames = [...]string{Integer: "integer", Real: "real", JSON: "json"}

// String names the type; stores keep it in their catalogs, so it never changes.
func (t Type) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return "unknown"
}

// Column is a value of a view beyond the fields that all documents have.
type Column struct {
	Name string // lower case letters and underscores
	Type Type
}

// View is a document view as a value.
type View struct {
	projections.View
	// ByUser views have a document for each user and movie, are listed by user, and are sharded by user_id. The others have one for each
	// movie, in no list, sharded by their id.
	ByUser  bool
	Columns []Column
	// Apply is the document that a record makes, pure and absolute: it depends on nothing but the record, so any batch, order or
	// repetition ends with the same view. ok is false for a record that says nothing to this view. An error means that the record can never be applied.
	Apply func(projections.Record) (d Document, ok bool, err error)
}

// All lists the document views.
func All() []View { return []View{Likes, Bookmarks, Ratings, MovieSummaries} }

// Coalesce sorts documents by id and keeps the one with the greatest version of each: within a bulk, one operation an id, in an
// order that every writer shares, so that concurrent bulks cannot deadlock. It works in place.
func Coalesce(docs []Document) []Document {
	slices.SortFunc(docs, func(a, b Document) int {
		if c := cmp.Compare(a.ID, b.ID); c != 0 {
			return c
		}
		return cmp.Compare(b.Version, a.Version)
	})
	return slices.CompactFunc(docs, func(a, b Document) bool { return a.ID == b.ID })
}
