package clickhouse

import (
	"context"
	"fmt"
	"strconv"

	"ugc/domain"
	"ugc/projections"
)

// migration is a numbered change of what is stored. It is carried out once, in order, and remembered; each of its statements changes nothing where
// it was carried out before, so that two processes may do it at once and a broken-off one is repeated.
//
// The templates always show the newest shape: a fresh database has it from its tables' creation, and later migrations alter the tables
// of older generations.
type migration struct {
	number int
	name   string
	apply  func(Rendering) []Statement
}

var migrations = []migration{
	{1, "first generation of every view", func(r Rendering) []Statement {
		var out []Statement
		for _, v := range stored {
			out = append(out, r.Generation(r.Of(v.name))...)
		}
		return out
	}},
}

// Plan says what Init would do now, in order, and does nothing.
func (s *Store) Plan(ctx context.Context) ([]Statement, error) {
	applied, err := s.appliedMigrations(ctx)
	if err != nil && !isCode(err, codeUnknownDatabase, codeUnknownTable) {
		return nil, mapError("plan", err)
	}
	live, err := s.liveNumbers(ctx)
	if err != nil && !isCode(err, codeUnknownDatabase, codeUnknownTable) {
		return nil, mapError("plan", err)
	}
	newest := migrations[len(migrations)-1].number
	for number := range applied {
		if number > newest {
			return nil, &domain.Error{Kind: domain.Conflict, Message: fmt.Sprintf("clickhouse: the database %s was made by a newer program (migration %d, this one knows %d): upgrade this program", s.o.Database, number, newest)}
		}
	}
	r := s.rendering(live)
	plan := append(r.Databases(s.o.Compat), r.Catalog()...)
	for _, m := range migrations {
		if applied[m.number] {
			continue
		}
		plan = append(plan, m.apply(r)...)
		plan = append(plan, Statement{fmt.Sprintf("remember migration %d", m.number), fmt.Sprintf("INSERT INTO %s (number, name, applied_at) VALUES (%d, %s, now64(3))",
			r.table("ugc_migrations"), m.number, quoteText(m.name))})
	}
	for _, v := range stored {
		if live[v.name] == 0 {
			plan = append(plan, r.swap(r.Of(v.name), 1))
		}
		plan = append(plan, r.View(v.name))
	}
	for _, d := range derived {
		plan = append(plan, r.View(d.name))
	}
	if s.o.Compat {
		plan = append(plan, r.Compat()...)
	}
	return plan, nil
}

// Init creates the database, the tables and the views, and brings older ones forward. It is safe to repeat, also from several processes
// at once, and while others read and write.
func (s *Store) Init(ctx context.Context) error {
	plan, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	return s.execute(ctx, plan)
}

func (s *Store) execute(ctx context.Context, plan []Statement) error {
	for _, st := range plan {
		if err := s.exec(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) exec(ctx context.Context, st Statement) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.DDLTimeout)
	defer cancel()
	return mapError(st.Purpose, s.admin.Exec(ctx, st.SQL))
}

// swap remembers a generation as the live one. Of several the one of the greatest swap counts.
func (r Rendering) swap(g projections.Generation, swap uint64) Statement {
	return Statement{"remember " + g.String() + " as live", "INSERT INTO " + r.table("ugc_generations") + " (view, swap, generation, swapped_at) VALUES (" +
		quoteText(g.View) + ", " + strconv.FormatUint(swap, 10) + ", " + strconv.Itoa(g.Number) + ", now64(3))"}
}
