package clickhouse

import (
	"strings"

	"ugc/domain"
)

// readStatement is the statement without its last semicolon, if there is one and it leaves the form and the place of the result to us.
func readStatement(sql string) (string, error) {
	words, end := outline(sql)
	refuse := func(message string) (string, error) {
		return "", &domain.Error{Kind: domain.Invalid, Message: "query: " + message}
	}
	if len(words) == 0 {
		return refuse("there is no statement")
	}
	if !questions[words[0]] {
		return refuse("only reading is allowed here: a statement begins with SELECT, WITH, FROM, SHOW, DESCRIBE, EXPLAIN or EXISTS")
	}
	for i, w := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch {
		case w == "INTO" && next == "OUTFILE":
			return refuse("INTO OUTFILE is not taken; redirect the output instead")
		case w == "FORMAT" && i > 0 && isFormatName(next) && (i+2 == len(words) || words[i+2] == "SETTINGS"):
			return refuse("FORMAT is not taken; choose the form of the output with --format table, csv or jsonl")
		}
	}
	return sql[:end], nil
}

// questions are how statements begin that only read. The engine's own check is not enough: with readonly=2 it lets SYSTEM statements
// and temporary tables through.
var questions = map[string]bool{"SELECT": true, "WITH": true, "FROM": true, "(": true, "SHOW": true, "DESCRIBE": true, "DESC": true, "EXPLAIN": true, "EXISTS": true}

func isFormatName(word string) bool {
	switch word {
	case "", "ASC", "DESC", "FROM", "AS", "SETTINGS", "IN", "LIKE", "ILIKE", "IS", "BETWEEN", "AND", "OR", "END", "THEN", "ELSE":
		return false
	}
	return word[0] >= 'A' && word[0] <= 'Z'
}

// outline is what a statement says outside of literals, quoted names and comments: its words in upper case, any other sign as itself, and
// where it ends when the last semicolon does not count.
func outline(sql string) (words []string, end int) {
	end = len(sql)
	last := -1 // where the last word that is no semicolon ends
	for i := 0; i < len(sql); {
		switch c := sql[i]; {
		case c == '\'' || c == '"' || c == '`':
			i = skipQuoted(sql, i)
			words, last = append(words, "?"), i
		case strings.HasPrefix(sql[i:], "--"), c == '#' && (strings.HasPrefix(sql[i:], "# ") || strings.HasPrefix(sql[i:], "#!")):
			i = skipTo(sql, i, "\n")
		case strings.HasPrefix(sql[i:], "/*"):
			i = skipTo(sql, i+2, "*/")
		case isWordByte(c):
			start := i
			for i < len(sql) && isWordByte(sql[i]) {
				i++
			}
			words, last = append(words, strings.ToUpper(sql[start:i])), i
		default:
			if c > ' ' && c != ';' {
				words, last = append(words, string(c)), i+1
			}
			if c == ';' && strings.Trim(sql[i:], "; \t\r\n") == "" {
				return words, max(last, 0)
			}
			i++
		}
	}
	return words, end
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// skipQuoted is where the literal or name that starts at i ends; quotes are escaped by a backslash, or doubled, which two literals side by side amount to.
func skipQuoted(s string, i int) int {
	for quote := s[i]; ; {
		i++
		switch {
		case i >= len(s):
			return len(s)
		case s[i] == '\\':
			i++
		case s[i] == quote:
			return i + 1
		}
	}
}

func skipTo(s string, i int, end string) int {
	if n := strings.Index(s[i:], end); n >= 0 {
		return i + n + len(end)
	}
	return len(s)
}
