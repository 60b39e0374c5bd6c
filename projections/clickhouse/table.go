package clickhouse

import (
	"fmt"

	"ugc/domain"
	"ugc/projections"
)

// table is a stored view as a value: which records leave a row, what the row is, and its columns.
type table[R any] struct {
	// accepts says whether a record leaves a row. An error says that it never can be applied.
	accepts func(*projections.Record) (bool, error)
	// newest keeps of a batch only the record of the greatest version of each user and movie: the others would be replaced anyway.
	newest  bool
	row     func(*projections.Record) R   // pure; of accepted records only
	bytes   func(*projections.Record) int // about what its row takes on its way, to bound blocks
	columns []column[R]
}

// anyOf accepts every event of a kind that has an identity.
func anyOf[E domain.Event](rec *projections.Record) (bool, error) {
	e, ok := rec.Value.(E)
	if !ok {
		return false, fmt.Errorf("a %T is no event of this view", rec.Value)
	}
	if head := e.Head(); head.Origin.Version < 0 || head.Origin.Partition < 0 {
		return false, fmt.Errorf("partition %d and version %d are no place in a log", head.Origin.Partition, head.Origin.Version)
	}
	return true, nil
}

// choose gives the indexes of the records to write, in order, or which ones can never be written.
func (t *table[R]) choose(batch []projections.Record) ([]int, map[int]error) {
	var (
		reasons map[int]error
		chosen  = make([]int, 0, len(batch))
		place   map[[2]string]int // in chosen, by user and movie
	)
	if t.newest {
		place = make(map[[2]string]int, len(batch))
	}
	for i := range batch {
		rec := &batch[i]
		ok, err := t.accepts(rec)
		if err != nil {
			if reasons == nil {
				reasons = map[int]error{}
			}
			reasons[i] = err
		}
		if !ok {
			continue
		}
		if t.newest {
			head := rec.Value.(domain.Event).Head()
			key := [2]string{head.User, head.Movie}
			if at, seen := place[key]; seen {
				if batch[chosen[at]].Value.(domain.Event).Head().Origin.Version <= head.Origin.Version {
					chosen[at] = i
				}
				continue
			}
			place[key] = len(chosen)
		}
		chosen = append(chosen, i)
	}
	return chosen, reasons
}
