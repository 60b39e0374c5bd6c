package wire

// Place is where a percent-escaped text stands, which decides which characters may stand there as they are.
type Place uint8

// The places.
const (
	QueryValue Place = iota // letters, digits and _.-~; a space becomes '+'
	Path                    // several segments: the slashes stay
	Segment                 // one segment: a slash is escaped
)

// AppendEscaped appends text with what may not stand there as %XX. In paths, text beyond ASCII stays as it is in links that
// are part of a document (IRIs); AppendEscaped escapes it, AppendReadable leaves it.
func AppendEscaped(dst []byte, s string, p Place) []byte { return appendEscaped(dst, s, p, false) }

// AppendReadable is AppendEscaped for links that are read by people too: what lies beyond ASCII stays.
func AppendReadable(dst []byte, s string, p Place) []byte { return appendEscaped(dst, s, p, true) }

func appendEscaped(dst []byte, s string, p Place, readable bool) []byte {
	const upper = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case plain(c, p), c >= 0x80 && readable:
			dst = append(dst, c)
		case c == ' ' && p == QueryValue:
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', upper[c>>4], upper[c&15])
		}
	}
	return dst
}

func plain(c byte, p Place) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '-', c == '~':
		return true
	case p == QueryValue:
		return false
	case c == '/':
		return p == Path
	}
	switch c { // what RFC 3986 lets stand in a segment
	case '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=', ':', '@':
		return true
	}
	return false
}
