package clickhouse

import "time"

// QueryLimits bound what one query of a person may cost.
type QueryLimits struct {
	MaxRows   int           // shown; default 10,000 of a table, 1,000,000 of csv and json lines
	Timeout   time.Duration // default 60 s
	CellWidth int           // columns on the screen that a cell of a table may take, default 48
}

func (l QueryLimits) withDefaults() QueryLimits {
	l.Timeout = orElse(l.Timeout, time.Minute)
	l.CellWidth = orElse(l.CellWidth, 48)
	return l
}
