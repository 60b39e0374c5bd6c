package bridge

import (
	"io"
	"strings"

	"ugc/deploy/embedded/clickhouse/engine"
)

// externalTables makes a temporary table of each file in the form that the URL describes.
func (h *Handler) externalTables(s engine.Session, q *request) error {
	if q.form == nil {
		return nil
	}
	for name, files := range q.form.File {
		for _, file := range files {
			part, err := file.Open()
			if err != nil {
				return unreadable(err, 0)
			}
			err = h.externalTable(s, q, name, part)
			_ = part.Close()
			if err != nil {
				return err
			}
		}
	}
	for name, parts := range q.form.Value { // clickhouse-go names its files "", which makes them values to Go
		if name == "query" || !q.describesTable(name+"_structure") {
			continue
		}
		if err := h.externalTable(s, q, name, strings.NewReader(parts[0])); err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) externalTable(s engine.Session, q *request, name string, rows io.Reader) error {
	structure := q.values.Get(name + "_structure")
	if structure == "" {
		return exception(codeBadArguments, "BAD_ARGUMENTS", "the external table %s needs the URL parameter %s_structure", name, name)
	}
	format := first(q.values.Get(name+"_format"), "TabSeparated")
	if _, err := s.Query("CREATE TEMPORARY TABLE "+quoteName(name)+" ("+structure+") ENGINE=Memory", "Null", nil); err != nil {
		return err
	}
	return h.insertRows(s, rows, func(from string) error {
		_, err := s.Query("INSERT INTO "+quoteName(name)+from+"FORMAT "+quoteName(format), "Null", nil)
		return err
	})
}
