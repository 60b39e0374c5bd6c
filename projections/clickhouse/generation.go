package clickhouse

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"ugc/domain"
	"ugc/projections"
)

// CreateGeneration makes the tables of another generation, empty and invisible to readers. What is there already stays.
func (s *Store) CreateGeneration(ctx context.Context, g projections.Generation) error {
	if _, err := s.Sink(g); err != nil {
		return err
	}
	return s.execute(ctx, s.rendering(nil).Generation(g))
}

// Swap makes a generation the live one: its stable name and every view derived from it show it from then on. Swapping back is a rollback.
// The catalog is written first; when the process dies before the views are made, Init makes them.
func (s *Store) Swap(ctx context.Context, g projections.Generation) error {
	there, err := s.Generations(ctx, g.View)
	if err != nil {
		return err
	}
	if !slices.Contains(there, g) {
		return &domain.Error{Kind: domain.NotFound, Message: "clickhouse: there is no generation " + g.String()}
	}
	live, err := s.liveNumbers(ctx)
	if err != nil {
		return mapError("swap to "+g.String(), err)
	}
	swap, err := s.lastSwap(ctx, g.View)
	if err != nil {
		return mapError("swap to "+g.String(), err)
	}
	r := s.rendering(live).with(g)
	return s.execute(ctx, append([]Statement{r.swap(g, swap+1)}, s.viewsOver(r, g.View)...))
}

// viewsOver are the stable view and all that derive from it.
func (s *Store) viewsOver(r Rendering, view string) []Statement {
	out := []Statement{r.View(view)}
	for _, d := range derived {
		if slices.Contains(d.from, view) {
			out = append(out, r.View(d.name))
		}
	}
	if s.o.Compat {
		out = append(out, r.Compat()...)
	}
	return out
}

// DropGeneration removes the tables of a generation that is not live, with its watermarks and blocked keys. It is safe to repeat.
func (s *Store) DropGeneration(ctx context.Context, g projections.Generation) error {
	if _, err := s.Sink(g); err != nil {
		return err
	}
	live, err := s.liveNumbers(ctx)
	if err != nil {
		return mapError("drop "+g.String(), err)
	}
	if live[g.View] == g.Number {
		return &domain.Error{Kind: domain.Conflict, Message: "clickhouse: " + g.String() + " is live: swap to another generation before you drop it"}
	}
	return s.execute(ctx, s.rendering(live).Drop(g))
}

func (s *Store) lastSwap(ctx context.Context, view string) (uint64, error) {
	var last uint64
	err := s.readCatalog(ctx, "ugc_generations", "SELECT max(swap) FROM {table} WHERE view = ?", []any{view}, func(rows driver.Rows) error { return rows.Scan(&last) })
	return last, err
}
