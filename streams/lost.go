package streams

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// decision is what was decided under the offset of a command: an event, which repeats its command, or a dead letter, which holds the record.
type decision struct {
	id     domain.ID // of the command; zero for a letter
	record *kgo.Record
}

// maxLostCommands bounds the commands of one partition that are written again; their events are held in memory meanwhile.
const maxLostCommands = 1 << 16

// errMoved says that somebody else wrote to the log while it was mended.
var errMoved = errors.New("others write to the log")

// restoreCommands makes the log hold what was decided. Versions are offsets, so a log that lost its end gives the same versions to new commands, and those
// would be taken for repeated ones. The lost commands stand in the events: they are written back to their very offsets while nobody has written there. A
// command that somebody wrote there meanwhile is set aside where it stands, and appended again behind everything that was decided; ids tell the copies from
// each other, so doing it twice does no harm.
func (s *standing) restoreCommands(ctx context.Context) error {
	for try := 0; ; try++ {
		if err := s.look(ctx); err != nil {
			return err
		}
		known := max(s.event, s.mark)
		if known == domain.NoVersion || known.Offset() < s.input.next && len(s.displaced) == 0 {
			return nil
		}
		err := s.mendLog(ctx, known.Offset())
		if !errors.Is(err, errMoved) || try == 5 {
			return err
		}
		spans, err := s.tail.spans(ctx, s.run.group.Input.Name)
		if err != nil {
			return err
		}
		s.input = spans[s.p]
	}
}

// look reads the newest events, and the commands that they are of.
func (s *standing) look(ctx context.Context) error {
	topic := s.run.group.Outputs[0].Topic.Name
	spans, err := s.tail.spans(ctx, topic)
	if err != nil {
		return err
	}
	s.events = spans[s.p]
	for n := int64(firstLook); ; n *= lookMore {
		part := s.events.back(n)
		if err := s.readDecisions(ctx, topic, part); err != nil {
			return err
		}
		low := s.input.next
		for o := range s.decisions {
			low = min(low, o)
		}
		looked := span{max(low, s.input.first), min(s.event.Offset()+1, s.input.next)}
		if s.event == domain.NoVersion {
			looked = span{}
		}
		s.low = looked.first
		if err := s.readDisplaced(ctx, looked); err != nil {
			return err
		}
		whole := part.first == s.events.first
		if whole || len(s.decisions) > 0 && (len(s.displaced) == 0 || s.displaced[0] > looked.first+looked.len()/4) {
			return nil
		}
		if n > maxLostCommands {
			return s.unmendable("the commands from offset %d on are others than those that were decided", s.displaced[:1])
		}
	}
}

func (s *standing) readDecisions(ctx context.Context, topic string, part span) error {
	s.decisions, s.event = map[int64]*decision{}, domain.NoVersion
	return s.tail.read(ctx, topic, s.p, part, func(r *kgo.Record) error {
		e, err := s.eventOf(r)
		if e == nil || err != nil {
			return err
		}
		head := e.Head()
		s.event = max(s.event, head.Origin.Version)
		if o := head.Origin.Version.Offset(); s.decisions[o] == nil {
			s.decisions[o] = &decision{id: head.ID, record: r}
		}
		return nil
	})
}

// eventOf is the event in a record of the partition, nil where it is none of it.
func (s *standing) eventOf(r *kgo.Record) (domain.Event, error) {
	e, err := s.run.codec.DecodeEvent(r.Value)
	if err != nil {
		if refusal := (*refusal)(nil); errors.As(refusalOf(err), &refusal) {
			return nil, nil // it is none of ours
		}
		return nil, err
	}
	if o := e.Head().Origin; o.Partition != s.p || o.Version.Epoch() != s.run.epoch || o.Version < 0 {
		return nil, nil
	}
	return e, nil
}

// readDisplaced finds the commands of the part that are not those which were decided there.
func (s *standing) readDisplaced(ctx context.Context, part span) error {
	s.displaced = nil
	return s.tail.read(ctx, s.run.group.Input.Name, s.p, part, func(r *kgo.Record) error {
		d := s.decisions[r.Offset]
		if d == nil {
			return nil
		}
		if d.id == (domain.ID{}) { // set aside; a letter may hold less than the record
			if !bytes.HasPrefix(r.Value, d.record.Value) || !bytes.HasPrefix(r.Key, d.record.Key) {
				s.displaced = append(s.displaced, r.Offset)
			}
			return nil
		}
		id, err := s.commandID(r)
		if err == nil && id != d.id {
			s.displaced = append(s.displaced, r.Offset)
		}
		return err
	})
}

// commandID is the id of the command in a record, zero where it holds none.
func (s *standing) commandID(r *kgo.Record) (domain.ID, error) {
	c, err := s.run.codec.DecodeCommand(r.Value)
	if err != nil {
		if refusal := (*refusal)(nil); errors.As(refusalOf(err), &refusal) {
			return domain.ID{}, nil
		}
		return domain.ID{}, err
	}
	return c.Head().ID, nil
}

// mendLog writes what is lost, up to the newest offset that is known of.
func (s *standing) mendLog(ctx context.Context, known int64) error {
	begin := s.input.next
	if len(s.displaced) > 0 {
		begin = min(begin, s.displaced[0])
	}
	if known-begin >= maxLostCommands {
		return s.unmendable("it ends at offset %d, and up to %d were decided", s.input.next, known)
	}
	for begin > s.low && s.decisions[begin-1] == nil && len(s.displaced) > 0 {
		begin-- // what was set aside before the first event that differs may differ, too
	}
	if err := s.readLetters(ctx, span{begin, known + 1}); err != nil {
		return err
	}
	if len(s.displaced) > 0 {
		if err := s.readDisplaced(ctx, span{begin, min(s.input.next, known+1)}); err != nil {
			return err
		}
	}
	if err := s.writeBack(ctx, known); err != nil {
		return err
	}
	return s.appendAgain(ctx, span{begin, known + 1})
}

// readLetters looks for the decisions that have no event among the dead letters.
func (s *standing) readLetters(ctx context.Context, part span) error {
	missing := 0
	for o := part.first; o < part.next; o++ {
		if s.decisions[o] == nil {
			missing++
		}
	}
	if missing == 0 {
		return nil
	}
	letters, err := s.tail.spans(ctx, topics.DeadLetters.Name)
	if err != nil {
		return err
	}
	for p, whole := range letters {
		err := s.tail.read(ctx, topics.DeadLetters.Name, p, whole, func(r *kgo.Record) error {
			d, err := s.run.codec.DecodeDeadLetter(r.Value)
			if err != nil || d.Topic != s.run.group.Input.Name || d.Partition != s.p || d.Offset < part.first || d.Offset >= part.next ||
				s.decisions[d.Offset] != nil || d.Reason == schemas.ReasonDisplaced {
				return nil //nolint:nilerr // not a letter of ours
			}
			was := &kgo.Record{Key: d.Key, Value: d.Value, Timestamp: time.UnixMilli(int64(d.Timestamp))}
			for _, h := range d.Headers {
				was.Headers = append(was.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
			}
			s.decisions[d.Offset] = &decision{record: was}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// command is the record of a command as it stood in the log.
func (s *standing) command(d *decision) (*kgo.Record, error) {
	if d.id == (domain.ID{}) {
		return &kgo.Record{Topic: s.run.group.Input.Name, Partition: s.p, Key: d.record.Key, Value: d.record.Value, Headers: d.record.Headers,
			Timestamp: d.record.Timestamp}, nil
	}
	e, err := s.run.codec.DecodeEvent(d.record.Value)
	if err != nil {
		return nil, err
	}
	c := domain.CommandOf(e)
	value, err := s.run.codec.EncodeCommand(c)
	if err != nil {
		return nil, err
	}
	r := &kgo.Record{Topic: s.run.group.Input.Name, Partition: s.p, Key: []byte(c.Head().Key()), Value: value,
		Timestamp: time.UnixMilli(int64(c.Head().ReceivedAt)),
		Headers: []kgo.RecordHeader{
			{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)},
			{Key: topics.HeaderCommandID, Value: []byte(d.id.String())},
		}}
	for _, h := range d.record.Headers {
		if h.Key == topics.HeaderTrace {
			r.Headers = append(r.Headers, h)
		}
	}
	return r, nil
}

// writeBack fills the log up to what is known, each command at its very offset.
func (s *standing) writeBack(ctx context.Context, known int64) error {
	var lost []*kgo.Record
	from := s.input.next
	for o := from; o <= known; o++ {
		d := s.decisions[o]
		if d == nil {
			return s.unmendable("it ends at offset %d, the table has the inputs up to %d, and nothing tells what stood at offset %d", from, known, o)
		}
		r, err := s.command(d)
		if err != nil {
			return err
		}
		lost = append(lost, r)
	}
	if len(lost) == 0 {
		return nil
	}
	if err := s.run.write(ctx, lost...); err != nil {
		return fmt.Errorf("write lost commands back to partition %d of %s: %w", s.p, s.run.group.Input.Name, err)
	}
	s.log.Warn("the log had lost commands that were decided: they are written back, out of their events",
		"topic", s.run.group.Input.Name, "from", from, "to", known)
	s.run.metrics.mended.Add(float64(len(lost)))
	for i, r := range lost {
		if r.Offset != from+int64(i) {
			return errMoved
		}
	}
	s.input.next = max(s.input.next, known+1)
	return nil
}

// HeaderAgain on a command says that it stands behind a log that lost its end, for the second time: its value is the offset that it was decided or written at.
const HeaderAgain = "ugc-again"

// appendAgain makes the commands count that stand where others were decided, and keeps those others. In order: a letter for each that is passed over where it
// stands, then the copies.
func (s *standing) appendAgain(ctx context.Context, part span) error {
	if len(s.displaced) == 0 {
		return nil
	}
	if s.mark < s.event {
		return s.unmendable("commands from offset %d on are others than those that were decided, and the table lost some of these", s.displaced[0])
	}
	there, copied := map[domain.ID]bool{}, map[string]bool{}
	var aside, again []*kgo.Record
	err := s.tail.read(ctx, s.run.group.Input.Name, s.p, span{part.first, s.input.next}, func(r *kgo.Record) error {
		id, err := s.commandID(r)
		if err != nil {
			return err
		}
		there[id] = true
		for _, h := range r.Headers {
			if h.Key == HeaderAgain {
				copied[string(h.Value)+"/"+id.String()] = true
			}
		}
		if slices.Contains(s.displaced, r.Offset) {
			aside = append(aside, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := s.run.partition(s.p)
	var letters []*kgo.Record
	for _, r := range aside {
		if p != nil {
			if p.passed == nil {
				p.passed = map[int64]bool{}
			}
			p.passed[r.Offset] = true
		}
		id, err := s.commandID(r)
		if err != nil {
			return err
		}
		if copied[strconv.FormatInt(r.Offset, 10)+"/"+id.String()] {
			continue
		}
		letter, err := s.run.displacedLetter(r)
		if err != nil {
			return err
		}
		letters = append(letters, letter)
		again = append(again, &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp,
			Headers: append(slices.Clone(r.Headers), againAt(r.Offset))})
	}
	for o := part.first; o < part.next; o++ {
		d := s.decisions[o]
		if d == nil || d.id == (domain.ID{}) || there[d.id] {
			continue
		}
		r, err := s.command(d)
		if err != nil {
			return err
		}
		r.Headers = append(r.Headers, againAt(o))
		again = append(again, r)
	}
	if len(again) == 0 {
		return nil
	}
	if err := s.run.write(ctx, letters...); err != nil {
		return fmt.Errorf("set displaced commands aside: %w", err)
	}
	if err := s.run.write(ctx, again...); err != nil {
		return fmt.Errorf("append displaced commands again: %w", err)
	}
	s.log.Warn("commands stand where others were decided, in a log that had lost its end: they are appended again",
		"topic", s.run.group.Input.Name, "from", part.first, "commands", len(again))
	s.run.metrics.mended.Add(float64(len(again)))
	s.input.next = max(s.input.next, again[len(again)-1].Offset+1)
	return nil
}

func againAt(offset int64) kgo.RecordHeader {
	return kgo.RecordHeader{Key: HeaderAgain, Value: strconv.AppendInt(nil, offset, 10)}
}

// displacedLetter is the dead letter of a command that is passed over where it stands.
func (run *incarnation) displacedLetter(r *kgo.Record) (*kgo.Record, error) {
	d := schemas.DeadLetter{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: domain.Instant(r.Timestamp.UnixMilli()), Key: r.Key, Value: r.Value,
		Step: run.step(), Reason: schemas.ReasonDisplaced, At: run.clock(),
		Message: "the log lost its end, and another command was decided at this offset; this one is appended again, and decided there",
	}
	for _, h := range r.Headers {
		d.Headers = append(d.Headers, schemas.Header{Key: h.Key, Value: h.Value})
	}
	letter := schemas.NewDeadLetter(d, int64(domain.NewVersion(run.epoch, r.Offset)))
	value, err := run.codec.EncodeDeadLetter(letter)
	if err != nil {
		return nil, err
	}
	key := letter.RecordKey()
	return &kgo.Record{Topic: topics.DeadLetters.Name, Partition: domain.PartitionOf(key, run.out.partitions[topics.DeadLetters.Name]), Key: key, Value: value,
		Headers: []kgo.RecordHeader{{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)}}}, nil
}

// writeWithin bounds what a comparison writes.
const writeWithin = time.Minute

// write appends records to the partitions that they name, in order.
func (run *incarnation) write(ctx context.Context, records ...*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	client, err := kgo.NewClient(append(append([]kgo.Opt(nil), run.kgo...), producerOpts()...)...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	return client.ProduceSync(ctx, records...).FirstErr()
}

// passOver commits an input that stands where another one was decided.
func (run *incarnation) passOver(ctx goka.Context, p *partition, in *input) {
	p.lane.add(in.origin.Version, nil, false, ctx.DeferCommit())
	p.next.Store(ctx.Offset() + 1)
}

// step names the group in dead letters.
func (run *incarnation) step() string { return "streams/" + strings.TrimPrefix(run.group.Name, "ugc-") }
