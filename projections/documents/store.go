package documents

import (
	"context"
	"fmt"

	"ugc/domain"
	"ugc/projections"
)

// Store holds document views, generation by generation. It is safe for concurrent use. Errors are of kind Unavailable where the store is
// away, full or busy, Conflict or NotFound where the caller asks for what cannot be, Internal otherwise.
//
// The contract asks for nothing that a sharded MongoDB cannot do: single-document writes guarded by version, unordered bulks, no
// transactions, no joins. documentstest checks every sentence of it.
type Store interface {
	// Create makes a generation and its indexes. One that is there stays as it is; one that is there with other columns is a Conflict, which
	// only another generation can resolve.
	Create(ctx context.Context, v View, number int) error
	// Generation opens one for writing and reading. NotFound where it was never created, Conflict where its columns are others.
	Generation(ctx context.Context, v View, number int) (Generation, error)
	// Builds lists the generations of a view, oldest first; none is no error.
	Builds(ctx context.Context, view string) ([]Build, error)
	// SetLive lets readers of the stable name see this generation, all at once, and from now on after any crash. NotFound where it was
	// never created. Doing it twice changes nothing.
	SetLive(ctx context.Context, g projections.Generation) error
	// Live reads whatever generation is live at the time of each call. Before the first SetLive its calls fail with NotFound. A swap by
	// another process is followed within a second.
	Live(v View) Documents
}

// Build is a generation as the catalog knows it.
type Build struct {
	projections.Generation
	Live bool
}

// Documents reads one view. What was written before the call is seen.
type Documents interface {
	// Get finds one document; ok is false where there is none and for tombstones. User is "" for views that belong to no user.
	Get(ctx context.Context, user, movie string) (d Document, ok bool, err error)
	// List is a page of a user's documents without tombstones, ordered by Added.
	List(ctx context.Context, q Query) ([]Document, error)
	// Count is how many documents without tombstones a user has.
	Count(ctx context.Context, user string) (int64, error)
	// Watermarks are those last advanced to, by partition.
	Watermarks(ctx context.Context) (map[int32]projections.Watermark, error)
}

// Query asks for a page.
type Query struct {
	User   string
	Newest bool                            // greatest Added first
	After  domain.Optional[domain.Version] // keyset: only those beyond this Added, in the order asked for
	Skip   int                             // or a page by number; slower the further
	Limit  int                             // 1 to MaxPage
}

// MaxPage bounds a page.
const MaxPage = 1000

// Validate is an error of kind Invalid for a page that no store gives.
func (q Query) Validate() error {
	if q.Limit < 1 || q.Limit > MaxPage || q.Skip < 0 {
		return &domain.Error{Kind: domain.Invalid, Message: fmt.Sprintf("a page of %d after %d: 1 to %d are listed at once, none less than 0 skipped", q.Limit, q.Skip, MaxPage)}
	}
	return nil
}

// Generation is one physical build of a view.
type Generation interface {
	Documents
	// Upsert writes at most MaxBulk documents, sorted by id, one for each (see Coalesce). A document goes in where its id is new or its version is
	// greater than the one there; else nothing changes, and that is no error. After an error any part may have been written; the same again is right.
	// When it returns nil the documents survive the death of any process.
	Upsert(ctx context.Context, docs []Document) error
	// Advance stores watermarks; Next and Version each never go back.
	Advance(ctx context.Context, marks map[int32]projections.Watermark) error
	// Block remembers blocked keys; the first offset of a key and partition stays. Blocked lists them all.
	Block(ctx context.Context, keys []projections.BlockedKey) error
	Blocked(ctx context.Context) ([]projections.BlockedKey, error)
	// Scan is everything, tombstones too, in the order of ids (bytewise), beyond the id given, at most limit. For checks and comparisons.
	Scan(ctx context.Context, after string, limit int) ([]Document, error)
}

// Open gives the live generation of a view for writing; where a store has none at all it creates the first and makes it live. Safe to
// repeat and to race: every caller ends with the same.
func Open(ctx context.Context, s Store, v View) (Generation, projections.Generation, error) {
	none := projections.Generation{}
	builds, err := s.Builds(ctx, v.Name)
	if err != nil {
		return nil, none, err
	}
	live := projections.Generation{View: v.Name, Number: 1}
	found := false
	for _, b := range builds {
		if b.Live {
			live, found = b.Generation, true
		}
	}
	if !found { // also after a crash between the two
		if err := s.Create(ctx, v, live.Number); err != nil {
			return nil, none, err
		}
		if err := s.SetLive(ctx, live); err != nil {
			return nil, none, err
		}
	}
	g, err := s.Generation(ctx, v, live.Number)
	return g, live, err
}
