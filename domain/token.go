package domain

import (
	"cmp"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Mark is where one write stands: the command at Version in Partition of Topic. It stands for every write before it in its partition too.
type Mark struct {
	Topic     string
	Partition int32
	Version   Version
	Movie     string // the movie that the write gave feedback on; "" where no view by movie is made of it, and in a mark that stands for writes about several
}

// Token is an opaque proof of writes: hand it to a read to see at least them. It has one mark for each partition and movie, sorted by topic,
// partition and movie. The zero Token asks for nothing.
type Token []Mark

// maxTokenText bounds what is parsed from outside. It has room for more than 50 movies that are named by UUIDs.
const maxTokenText = 4096

// NewToken is the token of these writes. A mark without a topic says nothing and is left out.
func NewToken(marks ...Mark) Token {
	t := make(Token, 0, len(marks))
	for _, m := range marks {
		if m.Topic != "" {
			t = append(t, m)
		}
	}
	slices.SortFunc(t, func(a, b Mark) int {
		return cmp.Or(a.compare(b), cmp.Compare(b.Version, a.Version))
	})
	return slices.CompactFunc(t, func(a, b Mark) bool { return a.compare(b) == 0 })
}

func (m Mark) compare(o Mark) int {
	return cmp.Or(cmp.Compare(m.Topic, o.Topic), cmp.Compare(m.Partition, o.Partition), cmp.Compare(m.Movie, o.Movie))
}

// Add extends the token by a mark. Of several marks of one partition and movie the greatest stands for all.
func (t Token) Add(m Mark) Token {
	if m.Topic == "" {
		return t
	}
	i, found := slices.BinarySearchFunc(t, m, Mark.compare)
	if !found {
		return slices.Insert(t, i, m)
	}
	t[i].Version = max(t[i].Version, m.Version)
	return t
}

// ByPartition is the token without its movies: of each partition the greatest mark. That is all that views of single users are waited for by.
func (t Token) ByPartition() Token {
	out := make(Token, 0, len(t))
	for _, m := range t {
		m.Movie = ""
		if n := len(out); n > 0 && out[n-1].Topic == m.Topic && out[n-1].Partition == m.Partition {
			out[n-1].Version = max(out[n-1].Version, m.Version)
		} else {
			out = append(out, m)
		}
	}
	return out
}

// String is the form that travels in headers: base64url, no padding. A token that would be longer than a header should be goes without its
// movies: views by movie are then not waited for, all others are.
func (t Token) String() string {
	text := t.text()
	if len(text) > maxTokenText {
		text = t.ByPartition().text()
	}
	return text
}

// text has a line topic/partition/version/movie for each mark, topic and partition left empty where they are those of the line before.
func (t Token) text() string {
	if len(t) == 0 {
		return ""
	}
	var room [256]byte // of most tokens: they are made for every write
	b := room[:0]
	for i, m := range t {
		if i > 0 {
			b = append(b, '\n')
		}
		if i > 0 && t[i-1].Topic == m.Topic && t[i-1].Partition == m.Partition {
			b = append(b, '/')
		} else {
			b = append(append(b, m.Topic...), '/')
			b = strconv.AppendInt(b, int64(m.Partition), 10)
		}
		b = append(strconv.AppendInt(append(b, '/'), int64(m.Version), 10), '/')
		b = append(b, m.Movie...)
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
	var marks []Mark
	for line := range strings.SplitSeq(string(raw), "\n") {
		m, ok := parseMark(line, marks)
		if !ok {
			return nil, bad
		}
		marks = append(marks, m)
	}
	return NewToken(marks...), nil
}

func parseMark(line string, before []Mark) (m Mark, ok bool) {
	f := strings.SplitN(line, "/", 4)
	if len(f) != 4 {
		return m, false
	}
	if f[0] == "" && f[1] == "" && len(before) > 0 {
		m = before[len(before)-1]
	} else {
		p, err := strconv.ParseInt(f[1], 10, 32)
		if f[0] == "" || err != nil || p < 0 {
			return m, false
		}
		m.Topic, m.Partition = f[0], int32(p)
	}
	v, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || v < 0 {
		return m, false
	}
	m.Version, m.Movie = Version(v), f[3]
	return m, true
}
