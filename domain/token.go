package domain

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Mark is where one write stands: the command at Offset of Partition of Topic.
type Mark struct {
	Topic     string
	Partition int32
	Version   Version
	Movie     string // the movie that the write was about, "" in a mark that stands for several writes
}

// Token is an opaque proof of writes: hand it to a read to see at least them. The zero Token asks for nothing.
type Token []Mark

// maxTokenText bounds what is parsed from outside.
const maxTokenText = 4096

// Add extends the token by a mark. Of several marks in one partition the greatest stands for all; it keeps its movie only where they
// agree on it, because a mark can name but one. A mark without a topic says nothing and is left out.
func (t Token) Add(m Mark) Token {
	if m.Topic == "" {
		return t
	}
	i := slices.IndexFunc(t, func(o Mark) bool { return o.Topic == m.Topic && o.Partition == m.Partition })
	if i < 0 {
		return append(t, m)
	}
	if t[i].Movie != m.Movie {
		t[i].Movie = ""
	}
	t[i].Version = max(t[i].Version, m.Version)
	return t
}

// String is the form that travels in headers: base64url, no padding. A token that would be longer than a header should be goes without its
// movies: it asks for no less, only less exactly.
func (t Token) String() string {
	text := t.text(true)
	if len(text) > maxTokenText {
		text = t.text(false)
	}
	return text
}

func (t Token) text(movies bool) string {
	if len(t) == 0 {
		return ""
	}
	var room [256]byte // of most tokens: they are made for every write
	b := room[:0]
	for i, m := range t {
		if i > 0 {
			b = append(b, '\n')
		}
		b = append(append(b, m.Topic...), '/')
		b = append(strconv.AppendInt(b, int64(m.Partition), 10), '/')
		b = append(strconv.AppendInt(b, int64(m.Version), 10), '/')
		if movies {
			b = append(b, m.Movie...)
		}
	}
	var text [350]byte
	return string(base64.RawURLEncoding.AppendEncode(text[:0], b))
}

var errToken = errors.New("not a consistency token: hand back the value of a Consistency-Token header unchanged")

// ParseToken reads String's form; "" is the zero Token. Anything else is an error of kind Invalid.
func ParseToken(s string) (Token, error) {
	if s == "" {
		return nil, nil
	}
	bad := Wrap(Invalid, "consistency token", errToken)
	if len(s) > maxTokenText {
		return nil, bad
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, bad
	}
	var t Token
	for line := range strings.SplitSeq(string(raw), "\n") {
		f := strings.SplitN(line, "/", 4)
		if len(f) != 4 || f[0] == "" {
			return nil, bad
		}
		p, err1 := strconv.ParseInt(f[1], 10, 32)
		v, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 != nil || err2 != nil || p < 0 || v < 0 {
			return nil, bad
		}
		t = t.Add(Mark{Topic: f[0], Partition: int32(p), Version: Version(v), Movie: f[3]})
	}
	return t, nil
}
