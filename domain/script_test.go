package domain

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The scenarios in testdata are Given/When/Then in words; this file reads the words.

type scenario struct {
	name  string
	line  int
	given []string
	when  string
	then  string
}

func scenarios(t *testing.T, file string) (out []scenario) {
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		word, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		rest = strings.TrimSpace(rest)
		last := len(out) - 1
		switch word {
		case "", "#":
		case "scenario":
			out = append(out, scenario{name: rest, line: n})
		case "given":
			out[last].given = append(out[last].given, rest)
		case "when":
			out[last].when = rest
		case "then":
			out[last].then = rest
		default:
			t.Fatalf("%s:%d: %q is no word of a scenario", file, n, word)
		}
	}
	require.NoError(t, lines.Err())
	for _, s := range out {
		require.NotEmpty(t, s.when, "%s:%d", file, s.line)
		require.NotEmpty(t, s.then, "%s:%d", file, s.line)
	}
	return out
}

// start is second 0 of every scenario.
const start Instant = 1_750_000_000_000

func testID(n int) ID { return ID{14: byte(n >> 8), 15: byte(n)} }

// words reads a line's words one by one.
type words struct {
	t    *testing.T
	rest []string
}

func (w *words) next() string {
	require.NotEmpty(w.t, w.rest, "a word is missing")
	word := w.rest[0]
	w.rest = w.rest[1:]
	return word
}

// length reads "1.5s" as milliseconds, and a bare number as it is.
func (w *words) length(s string) Millis {
	seconds, ok := strings.CutSuffix(s, "s")
	if !ok {
		n, err := strconv.ParseInt(s, 10, 64)
		require.NoError(w.t, err)
		return Millis(n)
	}
	f, err := strconv.ParseFloat(seconds, 64)
	require.NoError(w.t, err)
	return Millis(f*1000 + 0.5)
}

func (w *words) instant(s string) Instant { return start + Instant(w.length(s)) }

func (w *words) number(s string) int {
	n, err := strconv.Atoi(s)
	require.NoError(w.t, err)
	return n
}

// fact reads what every line may say; unknown words go to more.
func (w *words) fact(n int, at string, more func(word string)) Fact {
	f := Fact{ID: testID(n), User: "u", Movie: "m", OccurredAt: w.instant(at)}
	for len(w.rest) > 0 {
		switch word := w.next(); word {
		case "id":
			f.ID = testID(1000 + w.number(w.next()))
		case "session":
			session, sequence, _ := strings.Cut(w.next(), "#")
			f.Session, f.Sequence = session, int64(w.number(sequence))
		case "sent":
			f.SentAt = w.instant(w.next())
		case "received":
			f.ReceivedAt = w.instant(w.next())
		case "undated":
			f.ReceivedAt, f.OccurredAt = f.OccurredAt, 0
		default:
			more(word)
		}
	}
	if f.ReceivedAt == 0 {
		f.ReceivedAt = f.OccurredAt
	}
	return f
}

// playbackCommand reads "70s pause at 60s of 100s session a#2 …"; n is the id where none is given.
func playbackCommand(t *testing.T, n int, line string) PlaybackCommand {
	w := &words{t: t, rest: strings.Fields(line)}
	at, what := w.next(), w.next()
	unknown := func(word string) { t.Fatalf("%q: %q is not known", line, word) }
	switch what {
	case "touch":
		return &TouchPlayback{Fact: w.fact(n, at, unknown)}
	case "viewed":
		length := w.next()
		seconds := int64(w.length(length))
		if strings.HasSuffix(length, "s") {
			seconds /= 1000
		}
		return &RecordViewing{Fact: w.fact(n, at, unknown), ViewedSeconds: seconds}
	}
	c := &RecordPlayback{}
	var ok bool
	c.Type, ok = ParseReportType(what)
	require.True(t, ok, "%q is no report type", what)
	c.Fact = w.fact(n, at, func(word string) {
		switch {
		case word == "at":
			c.Position = w.length(w.next())
		case word == "of":
			c.Duration = w.length(w.next())
		case word == "from":
			c.From = Some(w.length(w.next()))
		case word == "watched":
			for r := range strings.SplitSeq(w.next(), ",") {
				from, to, _ := strings.Cut(r, "-")
				c.Watched = append(c.Watched, Interval{w.length(from), w.length(to)})
			}
		case strings.HasPrefix(word, "x"):
			var err error
			c.Rate, err = strconv.ParseFloat(word[1:], 64)
			require.NoError(t, err)
		default:
			unknown(word)
		}
	})
	return c
}

func seconds(m Millis) string { return strconv.FormatFloat(float64(m)/1000, 'f', -1, 64) + "s" }

func since(t Instant) string { return seconds(Millis(t - start)) }

// describe says a viewing in words, without what is zero.
func describe(v *Viewing) string {
	var parts []string
	add := func(said bool, format string, args ...any) {
		if said {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(v.PositionAt != 0, "position %s@%s", seconds(v.Position), since(v.PositionAt))
	add(v.ResumeAt != 0, "resume %s@%s", seconds(v.Resume), since(v.ResumeAt))
	add(v.Duration != 0, "of %s", seconds(v.Duration))
	var watched []string
	for _, i := range v.Watched {
		watched = append(watched, seconds(i.Start)+"-"+seconds(i.End))
	}
	add(len(watched) > 0, "watched %s", strings.Join(watched, " "))
	add(v.Plays != 0, "plays %d", v.Plays)
	add(v.ViewedSeconds > 1<<53, "viewed %d", v.ViewedSeconds)
	add(v.ViewedSeconds != 0 && v.ViewedSeconds <= 1<<53, "viewed %ds", v.ViewedSeconds)
	add(v.Completed, "completed")
	add(v.FirstSeen != 0, "seen %s-%s", since(v.FirstSeen), since(v.LastSeen))
	return strings.Join(parts, ", ")
}
