package audit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"ugc/deploy/reference"
	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/streams"
)

// side is one context as the audit sees it: the group that decides it, and which views show it.
type side struct {
	streams.Group
	events topics.Topic
	// judge decides a command by the reference, and takes it into what is known of its key.
	judge func(k *known, c domain.Command, rules reference.Rules) judged
	// split is an event's command, all of it as text, and the rules that it names.
	split   func(domain.Event) (text string, rules reference.Rules, ours bool)
	history string // the view with a row for each event
	views   []view // those with a row for each key
}

// known is what the reference knows of one key, of playback or of feedback; nil before the first command that is decided.
type known struct {
	playback *reference.Playback
	user     *reference.User
}

// of gives both, where there is none the one that knows nothing.
func (k *known) of() (reference.Playback, reference.User) {
	var p reference.Playback
	var u reference.User
	if k.playback != nil {
		p = *k.playback
	}
	if k.user != nil {
		u = *k.user
	}
	return p, u
}

// judged is what a command must have become.
type judged struct {
	event, row string // as texts: the event, whole, and the row in the history
	known      *known // of its key, after it
	decision   reference.Decision
	report     *reference.Report
	feedback   *reference.Feedback
	verdict    reference.Verdict // of feedback
	before     reference.Opinions
}

// view is a stored view with a row for each key, the table among them.
type view struct {
	check string
	scan  func(ctx context.Context, partition int32, each func(Row) error) error
	// leaves says whether a command leaves a row, text what is in it.
	leaves func(*moment) bool
	text   func(*moment) string
	exempt map[domain.Origin]bool // events that the view could not take; they are in the dead letters
}

// moment is what one command made of its key.
type moment struct {
	domain.Origin
	judged
	key     string
	decided bool // false for a command that is in the dead letters: it changes nothing but the table's version
	foreign bool // it is not of this partition, or passed over where it stands: not even that
	fault   error
	letter  *letter // that it is set aside with
	id      domain.ID
}

// fold decides the commands of a partition again, below the offset to, and shows what each of them became. It keeps what is known of every key.
func (s *side) fold(ctx context.Context, a *audit, p int32, to int64, o *outcomes, visit func(*moment) error) (keys int64, err error) {
	all := map[string]*known{}
	partitions := int32(len(a.snapshot[s.Input.Name]))
	letters := a.letters.at(s.step(), s.Input.Name, p)
	err = a.o.Log.Read(ctx, s.Input.Name, p, to, func(r Record) error {
		letter, passedOver := decidedThere(letters[r.Offset], &r)
		m := moment{Origin: domain.Origin{Partition: p, Version: domain.NewVersion(a.o.Epoch, r.Offset)}, key: string(r.Key), letter: letter}
		nobodys := s.Input.CheckKey(m.key) != nil
		m.foreign = nobodys || domain.Partition(m.key, partitions) != p || passedOver
		k := all[m.key]
		if k == nil {
			k = &known{}
		}
		if !nobodys { // such a key may be of any length
			all[m.key] = k
		}
		m.known = k
		c, err := s.command(a.o.Codec, m.Origin, &r, partitions)
		switch {
		case unavailable(err) != nil:
			return err
		case err != nil:
			m.fault = err
		case m.letter == nil:
			m.judged, m.decided = s.judge(k, c, a.rulesOf(o, r.Offset)), true
		default:
			m.id = c.Head().ID
		}
		return visit(&m)
	})
	return int64(len(all)), err
}

func (s *side) step() string { return stepOf(s.Group) }

// command reads a record of the side's input. The error says why it can never be decided; an Unavailable one, why it cannot be read now.
func (s *side) command(codec *schemas.Codec, o domain.Origin, r *Record, partitions int32) (domain.Command, error) {
	c, err := codec.DecodeCommand(r.Value)
	if err != nil {
		return nil, err
	}
	head, key := c.Head(), string(r.Key)
	head.Origin = o
	switch {
	case topics.Of(c).Name != s.Input.Name:
		return nil, fmt.Errorf("a %T is no command of this topic", c)
	case key == "" || head.Key() != key || domain.Partition(key, partitions) != o.Partition:
		return nil, fmt.Errorf("the key %s does not belong to a command about %s in partition %d", schemas.Quote(key), schemas.Quote(head.Key()), o.Partition)
	}
	return c, c.Validate()
}

// place is a record of a topic.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("%s/%d/%d", p.topic, p.partition, p.offset) }

// unavailable keeps only what may go away by itself.
func unavailable(err error) error {
	if err != nil && domain.KindOf(err) == domain.Unavailable {
		return err
	}
	return nil
}

var seed = maphash.MakeSeed()

func hashText(s string) uint64  { return maphash.String(seed, s) }
func hashBytes(b []byte) uint64 { return maphash.Bytes(seed, b) }

var errEnough = errors.New("all that was wanted is there")
