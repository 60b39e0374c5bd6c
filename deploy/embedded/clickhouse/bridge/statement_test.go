package bridge

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestOutlineOfStatements(t *testing.T) {
	for query, want := range map[string]struct {
		verb, format, head, tail, data string
	}{
		"":                                  {},
		"SELECT 1":                          {verb: "SELECT", head: "SELECT 1"},
		"  /* a */ -- b\n (select 1)":       {verb: "SELECT", head: "  /* a */ -- b\n (select 1)"},
		"select 'FORMAT x' format JSON;":    {verb: "SELECT", format: "JSON", head: "select 'FORMAT x' "},
		"SELECT format('{}', 1) FORMAT CSV": {verb: "SELECT", format: "CSV", head: "SELECT format('{}', 1) "},
		"SELECT * FROM (SELECT 1 FORMAT X)": {verb: "SELECT", head: "SELECT * FROM (SELECT 1 FORMAT X)"},
		"SELECT 'it\\'s FORMAT', `FORMAT` FORMAT Raw SETTINGS a = 1": {verb: "SELECT", format: "Raw", head: "SELECT 'it\\'s FORMAT', `FORMAT` "},
		"INSERT INTO t FORMAT CSV\n1\n":                              {verb: "INSERT", format: "CSV", head: "INSERT INTO t ", data: "1\n"},
		"insert into t (a) settings x=1 format CSV  \r\n\n1":         {verb: "INSERT", format: "CSV", head: "insert into t (a) ", tail: "settings x=1 ", data: "\n1"},
		"INSERT INTO t VALUES ('FORMAT CSV\n1')":                     {verb: "INSERT", head: "INSERT INTO t VALUES ('FORMAT CSV\n1')"},
		"INSERT INTO t (`format`) SELECT 1 FORMAT CSV":               {verb: "INSERT", head: "INSERT INTO t (`format`) SELECT 1 FORMAT CSV"},
		"INSERT INTO t -- FORMAT CSV\nFORMAT TSV\nFORMAT":            {verb: "INSERT", format: "TSV", head: "INSERT INTO t -- FORMAT CSV\n", data: "FORMAT"},
		"INSERT INTO `d`.`t` (`a`, `b`) FORMAT Native\n1":            {verb: "INSERT", format: "Native", head: "INSERT INTO `d`.`t` (`a`, `b`) ", data: "1"},
		"INSERT INTO `t` SETTINGS x=1 FORMAT CSV\n1":                 {verb: "INSERT", format: "CSV", head: "INSERT INTO `t` ", tail: "SETTINGS x=1 ", data: "1"},
		"INSERT INTO d.format FORMAT CSV\n1":                         {verb: "INSERT", format: "CSV", head: "INSERT INTO d.format ", data: "1"},
		"INSERT INTO settings FORMAT CSV":                            {verb: "INSERT", format: "CSV", head: "INSERT INTO settings "},
		"INSERT INTO TABLE format FORMAT CSV":                        {verb: "INSERT", format: "CSV", head: "INSERT INTO TABLE format "},
		"INSERT INTO FUNCTION f('x') FORMAT CSV\n":                   {verb: "INSERT", format: "CSV", head: "INSERT INTO FUNCTION f('x') "},
		"SELECT 'open":    {verb: "SELECT", head: "SELECT 'open"},
		"SELECT 1 FORMAT": {verb: "SELECT", head: "SELECT 1 FORMAT"},
	} {
		st := parseStatement(query)
		require.Equal(t, want.verb, st.verb, query)
		require.Equal(t, want.format, st.format, query)
		head := st.formatAt
		if st.verb == "INSERT" {
			head = st.tailAt
		}
		require.Equal(t, want.head, st.text[:head], query)
		require.Equal(t, want.tail, st.text[head:st.formatAt], query)
		require.Equal(t, want.data, st.text[st.dataAt:], query)
	}
}

// However a statement is written and whatever its strings and comments hold, its FORMAT clause and its rows are found.
func TestFormatIsFoundBehindAnything(t *testing.T) {
	noise := rapid.Custom(func(t *rapid.T) string {
		inner := rapid.StringOf(rapid.RuneFrom([]rune("FORMAT csv'\"`\\/*-\n();é"))).Draw(t, "inner")
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return quote(inner)
		case 1:
			return quoteName(inner)
		case 2:
			return "/*" + strings.ReplaceAll(inner, "*/", "") + " */"
		default:
			return "--" + strings.ReplaceAll(inner, "\n", "") + "\n"
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		head := "INSERT INTO t " + strings.Join(rapid.SliceOf(noise).Draw(t, "noise"), " ") + " "
		data := rapid.String().Draw(t, "data")
		st := parseStatement(head + "FORMAT CSV\n" + data)
		require.Equal(t, "CSV", st.format)
		require.Equal(t, head, st.text[:st.formatAt])
		require.Equal(t, data, st.text[st.dataAt:])
	})
}

func FuzzStatement(f *testing.F) {
	f.Add("INSERT INTO t FORMAT CSV 1")
	f.Add("((SELECT '\\")
	f.Fuzz(func(t *testing.T, query string) {
		st := parseStatement(query)
		require.True(t, 0 <= st.formatAt && st.formatAt <= st.dataAt && st.dataAt <= len(query))
	})
}
