package bridge

import "strings"

// statement is what the bridge must know of a query's text to run it: the engine's parser says what a statement
// does, not where its parts lie. Positions are byte offsets into text.
type statement struct {
	text   string
	verb   string // first keyword, upper case, past any opening parentheses
	format string // the name that a FORMAT clause gives, "" without one

	formatAt int // where the word FORMAT starts, len(text) without one
	tailAt   int // of an INSERT: where its SETTINGS start, formatAt without any
	dataAt   int // of an INSERT with a FORMAT clause: where its inline data start, len(text) without any
}

// parseStatement reads the outline of a query. It never fails: what it does not understand is left to the engine.
func parseStatement(text string) statement {
	st := statement{text: text, formatAt: len(text), tailAt: len(text), dataAt: len(text)}
	sc := scanner{text: text}
	for last := ""; ; {
		t := sc.next()
		word, before := strings.ToUpper(t.word), last
		if t.afterName {
			before = "" // the name behind INTO was quoted, and has been passed
		}
		last = word
		switch {
		case word == "":
			return st
		case st.verb == "":
			st.verb = word
		case t.depth > 0, before == "INTO", before == "TABLE" && word != "FUNCTION", t.at > 0 && text[t.at-1] == '.': // no clause, or a table's name
		case st.verb == "INSERT" && (word == "VALUES" || word == "SELECT"):
			return st // what follows is the engine's to read, and VALUES may hold any bytes
		case st.verb == "INSERT" && word == "SETTINGS":
			st.tailAt = t.at
		case word == "FORMAT":
			name := sc.next()
			if name.word == "" {
				return st
			}
			st.format, st.formatAt = name.word, t.at
			if st.verb == "INSERT" {
				st.tailAt, st.dataAt = min(st.tailAt, t.at), afterBreak(text, sc.at)
				return st
			}
		}
	}
}

// isInsert says that the statement is an INSERT whose rows come in a named format.
func (s statement) isInsert() bool { return s.verb == "INSERT" && s.format != "" }

// isSelect says that the statement can be streamed: the engine streams neither DESCRIBE nor SHOW nor EXPLAIN.
func (s statement) isSelect() bool { return s.verb == "SELECT" || s.verb == "WITH" }

// afterBreak skips the blanks after FORMAT name, and one line break, as the server does.
func afterBreak(text string, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r') {
		at++
	}
	if at < len(text) && text[at] == '\n' {
		at++
	}
	return at
}

// token is a bare word outside strings and comments, "" at the end of the text.
type token struct {
	word  string
	at    int
	depth int // how many parentheses are open, not counting those before the first word

	afterName bool // something quoted stands between it and the word before
}

type scanner struct {
	text  string
	at    int
	depth int
	begun bool
}

func (s *scanner) next() token {
	quoted := false
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch c := rest[0]; {
		case c == '\'' || c == '"' || c == '`':
			s.skipQuoted(c)
			quoted = true
		case strings.HasPrefix(rest, "--"):
			s.skipPast("\n")
		case strings.HasPrefix(rest, "/*"):
			s.at += 2
			s.skipPast("*/")
		case isWord(c):
			at := s.at
			for s.at < len(s.text) && isWord(s.text[s.at]) {
				s.at++
			}
			if !s.begun {
				s.begun, s.depth = true, 0
			}
			return token{s.text[at:s.at], at, s.depth, quoted}
		default:
			switch c {
			case '(':
				s.depth++
			case ')':
				s.depth--
			}
			s.at++
		}
	}
	return token{at: s.at}
}

func (s *scanner) skipQuoted(quote byte) {
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case quote:
			s.at++
			return
		}
	}
	s.at = len(s.text)
}

func (s *scanner) skipPast(end string) {
	if i := strings.Index(s.text[s.at:], end); i >= 0 {
		s.at += i + len(end)
	} else {
		s.at = len(s.text)
	}
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
