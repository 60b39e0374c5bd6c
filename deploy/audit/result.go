package audit

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"ugc/schemas"
)

// Kind says how what is stored differs from what was accepted.
type Kind string

// The kinds. Scripts may select by them: never rename one.
const (
	Missing       Kind = "missing"       // it should be there and is not
	Extra         Kind = "extra"         // nothing that was accepted explains it
	Different     Kind = "different"     // it is there, but is not what follows from the commands
	Older         Kind = "older"         // it is right, but of an earlier time than the snapshot
	Doubled       Kind = "doubled"       // it is there more than once where once is right
	Contradicting Kind = "contradicting" // two records say different things about one command
	Unreadable    Kind = "unreadable"    // nobody can read it
	Unjustified   Kind = "unjustified"   // it is in the dead letters, and nothing justifies that
	Behind        Kind = "behind"        // processor or view had not come to the snapshot when the wait was over
)

// Difference is one finding.
type Difference struct {
	Check      string // as in Count
	Partition  int32
	Kind       Kind
	Key        string
	Is, Should string // fields that differ; "" where there is nothing
	Origin     string // topic/partition/offset where to look
}

// String is the finding on one line.
func (d Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, partition %d: %s", d.Check, d.Partition, d.Kind)
	for _, p := range [...]struct{ name, text string }{{"key", d.Key}, {"is", d.Is}, {"should be", d.Should}, {"see", d.Origin}} {
		if p.text != "" {
			fmt.Fprintf(&b, ", %s %s", p.name, oneLine(p.text))
		}
	}
	return b.String()
}

// maxShown bounds a part of a line: what it shows may be anybody's bytes.
const maxShown = 4 << 10

// oneLine is the text as it is where it is short and can be printed, else quoted or cut.
func oneLine(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return schemas.Quote(text)
	}
	if len(text) > maxShown {
		return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(text[:maxShown], ""), len(text))
	}
	return text
}

// Count is what one check found in one partition.
type Count struct {
	Check            string
	Partition        int32
	Accepted, Stored int64 // what should be there, and what is
	Differences      int64
	Uncompared       bool   // nothing is known of it: Differences says nothing
	Note             string // what a reader of the numbers should know
}

// Result is what an audit found.
type Result struct {
	Counts      []Count
	Differences []Difference // at most Options.Limit of each check
	Commands    int64        // folded
	Keys        int64        // the most whose states were kept at a time
	Took        time.Duration
}

// Total is how many differences there are, also of those that are not listed.
func (r *Result) Total() (n int64) {
	for _, c := range r.Counts {
		n += c.Differences
	}
	return n
}

// Uncompared names the checks that could not be made; equal is only what was compared.
func (r *Result) Uncompared() (checks []string) {
	for _, c := range r.Counts {
		if c.Uncompared && !slices.Contains(checks, c.Check) {
			checks = append(checks, c.Check)
		}
	}
	return checks
}

// HowToCompare is what to do about checks that could not be made.
const HowToCompare = "run the audit again with a longer --wait, or when less is written"

// WriteTo implements io.WriterTo: the table of checks, the differences, and one line that sums up.
func (r *Result) WriteTo(w io.Writer) (int64, error) {
	out := &counted{w: w}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "check\tpartition\taccepted\tstored\tdifferences\t")
	for _, c := range r.Counts {
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t  %s\n", c.Check, c.Partition, c.Accepted, c.Stored, c.Differences, c.Note)
	}
	_ = t.Flush()
	for _, d := range r.Differences {
		_, _ = fmt.Fprintln(out, d)
	}
	if left := r.Total() - int64(len(r.Differences)); left > 0 {
		_, _ = fmt.Fprintf(out, "and %d more\n", left)
	}
	if left := r.Uncompared(); len(left) > 0 {
		_, _ = fmt.Fprintf(out, "not compared: %s; %s\n", strings.Join(left, ", "), HowToCompare)
	}
	_, _ = fmt.Fprintf(out, "%d differences; %d commands folded in %s, at most %d states kept at a time\n", r.Total(), r.Commands, r.Took.Round(time.Millisecond), r.Keys)
	return out.n, out.err
}

type counted struct {
	w   io.Writer
	n   int64
	err error
}

func (c *counted) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.w.Write(p)
	c.n, c.err = c.n+int64(n), err
	return n, err
}

// sheet collects the findings of one check in one partition.
type sheet struct {
	Count
	list  []Difference
	limit int
}

// found counts a finding, and lists it while there is room.
func (s *sheet) found(d Difference) {
	s.Differences++
	if len(s.list) < s.limit {
		d.Check, d.Partition = s.Check, s.Partition
		if len(d.Key) > maxShown {
			d.Key = schemas.Quote(d.Key)
		}
		s.list = append(s.list, d)
	}
}

// add takes the findings of a check into the result.
func (r *Result) add(s *sheet, limit int) {
	r.Counts = append(r.Counts, s.Count)
	listed := 0
	for _, d := range r.Differences {
		if d.Check == s.Check {
			listed++
		}
	}
	r.Differences = append(r.Differences, s.list[:max(0, min(len(s.list), limit-listed))]...)
}

// sort puts the partitions of a check together.
func (r *Result) sort() {
	order := map[string]int{}
	for _, c := range r.Counts {
		if _, ok := order[c.Check]; !ok {
			order[c.Check] = len(order)
		}
	}
	slices.SortStableFunc(r.Counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(order[a.Check], order[b.Check]), cmp.Compare(a.Partition, b.Partition))
	})
	slices.SortStableFunc(r.Differences, func(a, b Difference) int { return cmp.Compare(order[a.Check], order[b.Check]) })
}

// apart leaves only the fields in which two texts differ; all of one text where there is no other.
func apart(is, should string) (string, string) {
	if is == "" || should == "" {
		return shown(strings.Split(is, fieldEnd)), shown(strings.Split(should, fieldEnd))
	}
	a, b := strings.Split(is, fieldEnd), strings.Split(should, fieldEnd)
	if len(a) != len(b) {
		return shown(a), shown(b)
	}
	var x, y []string
	for i := range a {
		if a[i] != b[i] {
			x, y = append(x, a[i]), append(y, b[i])
		}
	}
	return shown(x), shown(y)
}

// widest bounds a text in the list; a watched set can be long.
const widest = 600

func shown(fields []string) string {
	text := strings.Join(fields, " ")
	if len(text) > widest {
		text = text[:widest] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
