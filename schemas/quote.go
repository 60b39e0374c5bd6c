package schemas

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxQuoted bounds what an error or a log line repeats of bytes that others wrote. A key of ours with ASCII ids stands in it whole.
const maxQuoted = 300

// Quote is text from a record for people: quoted, and cut where it is long, with its length.
func Quote[T ~string | ~[]byte](text T) string {
	if len(text) <= maxQuoted {
		return fmt.Sprintf("%q", string(text))
	}
	return fmt.Sprintf("%q… (%d bytes)", cut(string(text[:maxQuoted+1]), maxQuoted), len(text))
}

// cut keeps at most n bytes of text and no part of a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for least := max(n-utf8.UTFMax, 0); n > least && !utf8.RuneStart(text[n]); n-- {
	}
	return strings.Clone(text[:n])
}
