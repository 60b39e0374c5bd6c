package domain

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
)

// Mark is where one write stands: the command at Version in Partition of Topic. It stands for every write before it in its partition too.
type Mark struct {
	Topic     string
	Partition int32 // or AllPartitions
	Version   Version
	// Movie is what the write gave feedback on. It is "" in marks of playback, and in a mark of feedback that stands
	// for writes about any movie.
	Movie string
}

// AllPartitions is the partition of a mark that stands for everything in its topic at the moment when it is read. Its
// version tells the epoch.
const AllPartitions int32 = -1

// Token is an opaque proof of writes: hand it to a read to see at least them. It has one mark for each partition and movie, sorted by topic,
// partition and movie. The zero Token asks for nothing.
type Token []Mark

// MaxToken is the length of the longest text of a token. Proxies give the headers of a request or an answer 4 KiB at
// least.
const MaxToken = 2047

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

// ByPartition is the token without its movies: of each partition the greatest mark.
func (t Token) ByPartition() Token {
	return t.widened(func(m *Mark) { m.Movie = "" })
}

// byTopic asks for everything in the topics of the token, which holds its writes.
func (t Token) byTopic() Token {
	return t.widened(func(m *Mark) { m.Movie, m.Partition = "", AllPartitions })
}

// widened joins neighbours that widen makes alike.
func (t Token) widened(widen func(*Mark)) Token {
	out := make(Token, 0, len(t))
	for _, m := range t {
		widen(&m)
		if n := len(out); n > 0 && out[n-1].compare(m) == 0 {
			out[n-1].Version = max(out[n-1].Version, m.Version)
		} else {
			out = append(out, m)
		}
	}
	return out
}

// String is the form that travels in headers: base64url without padding, at most MaxToken characters. A token that
// would be longer stands for more than its writes: for feedback on any movie up to its marks, or else for everything in
// its topics.
func (t Token) String() string {
	for _, form := range [...]func(Token) Token{nil, Token.ByPartition, Token.byTopic} {
		shown := t
		if form != nil {
			shown = form(t)
		}
		if text, ok := shown.text(); ok {
			return text
		}
	}
	return "" // no topic has a name that long
}

// A text holds, in this order: tokenForm; the marks, each as what differs from the mark before it; a checksum of all
// that.
const (
	tokenForm   = 2
	sumBytes    = 8
	maxTokenRaw = MaxToken * 3 / 4

	newTopic     = 1 << 0 // the length of the topic and the topic follow
	newPartition = 1 << 1 // the distance from the partition before follows; from AllPartitions where the topic is new
	namesMovie   = 1 << 2 // the length of the movie and the movie follow
	markFlags    = newTopic | newPartition | namesMovie
)

// text is false where the token does not fit.
func (t Token) text() (string, bool) {
	if len(t) == 0 {
		return "", true
	}
	var room [256]byte // of most tokens: they are made for every write
	b := append(room[:0], tokenForm)
	var last Mark
	for i, m := range t {
		if len(b)+len(m.Topic)+len(m.Movie) > maxTokenRaw {
			return "", false
		}
		b = m.append(b, last, i == 0)
		last = m
	}
	if b = binary.LittleEndian.AppendUint64(b, checksum(b)); len(b) > maxTokenRaw {
		return "", false
	}
	var text [350]byte
	return string(base64.RawURLEncoding.AppendEncode(text[:0], b)), true
}

func (m Mark) append(b []byte, last Mark, first bool) []byte {
	var flags byte
	if first || m.Topic != last.Topic {
		flags, last.Partition = newTopic, AllPartitions
	}
	if m.Partition != last.Partition {
		flags |= newPartition
	}
	if m.Movie != "" {
		flags |= namesMovie
	}
	b = append(b, flags)
	if flags&newTopic != 0 {
		b = append(binary.AppendUvarint(b, uint64(len(m.Topic))), m.Topic...)
	}
	if flags&newPartition != 0 {
		b = binary.AppendUvarint(b, uint64(int64(m.Partition)-int64(last.Partition)))
	}
	b = binary.AppendVarint(b, int64(m.Version-last.Version))
	if flags&namesMovie != 0 {
		b = append(binary.AppendUvarint(b, uint64(len(m.Movie))), m.Movie...)
	}
	return b
}

// checksum is FNV-1a with 64 bits, its bits mixed once more. It finds what was cut off or changed on the way; it is no
// signature.
func checksum(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return h ^ h>>32
}

// ErrToken is in the chain of every error, of kind Invalid, that says that a token is none.
var ErrToken = errors.New("not a consistency token: hand back the value of a Consistency-Token header unchanged")

// BadToken is an error of kind Invalid with ErrToken in its chain.
func BadToken(why error) error {
	return Wrap(Invalid, "consistency token", errors.Join(ErrToken, why))
}

// ParseToken reads String's form; "" is the zero Token. Anything else, also a token that was cut or changed or that an
// older version made, is an error of kind Invalid.
func ParseToken(s string) (Token, error) {
	if s == "" {
		return nil, nil
	}
	bad := BadToken(nil)
	if len(s) > MaxToken {
		return nil, bad
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(raw) < 1+sumBytes || raw[0] != tokenForm {
		return nil, bad
	}
	in := tokenReader{b: raw[1 : len(raw)-sumBytes]}
	var t Token
	for len(in.b) > 0 && !in.bad {
		t = append(t, in.mark(t))
	}
	// Each token has one text, and its checksum is in it: what was changed on the way, or says something in another
	// way, differs.
	if again, fits := t.text(); in.bad || !fits || again != s {
		return nil, bad
	}
	return t, nil
}

type tokenReader struct {
	b   []byte
	bad bool
}

func (in *tokenReader) mark(before Token) (m Mark) {
	if len(before) > 0 {
		m = before[len(before)-1]
	}
	flags := in.b[0]
	in.b = in.b[1:]
	if flags&^byte(markFlags) != 0 || len(before) == 0 && flags&newTopic == 0 {
		in.bad = true
		return m
	}
	last := m
	if flags&newTopic != 0 {
		m.Topic, m.Partition = in.string(), AllPartitions
	}
	if flags&newPartition != 0 {
		partition := int64(m.Partition) + int64(in.uvarint()&(1<<33-1))
		m.Partition = int32(partition)
		in.bad = in.bad || int64(m.Partition) != partition
	}
	m.Version += Version(in.varint())
	m.Movie = ""
	if flags&namesMovie != 0 {
		m.Movie = in.string()
	}
	in.bad = in.bad || m.Topic == "" || m.Version < 0 || len(before) > 0 && last.compare(m) >= 0
	return m
}

func (in *tokenReader) uvarint() uint64 {
	v, n := binary.Uvarint(in.b)
	return v * in.took(n)
}

func (in *tokenReader) varint() int64 {
	v, n := binary.Varint(in.b)
	return v * int64(in.took(n))
}

// took goes on behind a number of n bytes, and is 0 where there is none.
func (in *tokenReader) took(n int) uint64 {
	if n <= 0 {
		in.b, in.bad = nil, true
		return 0
	}
	in.b = in.b[n:]
	return 1
}

func (in *tokenReader) string() string {
	n := in.uvarint()
	if n > uint64(len(in.b)) {
		in.b, in.bad = nil, true
		return ""
	}
	s := string(in.b[:n])
	in.b = in.b[n:]
	return s
}
