package schemas

import (
	"fmt"

	"ugc/domain"
)

// told are sessions, one after the other, of so many reports each, 10 s apart. Where every is 2 each second report is
// missing.
func told(sessions, reports, every int) (out []domain.PlaybackCommand) {
	at := domain.Instant(1_750_000_000_000)
	for s := range sessions {
		name := fmt.Sprintf("6f9619ff-8b86-d011-b42d-00cf4f%06x", s)
		for n := range reports {
			at += 10_000
			if every > 0 && n%every == 1 {
				continue
			}
			kind := domain.Heartbeat
			if n == 0 {
				kind = domain.Play
			}
			f := placeless(s*reports + n)
			f.Session, f.Sequence, f.OccurredAt, f.SentAt, f.ReceivedAt = name, int64(n+1), at, at, at+50
			out = append(out, &domain.RecordPlayback{Fact: f, Type: kind, Position: domain.Millis(n) * 10_000,
				Duration: 7_200_000})
		}
	}
	return out
}

func placeless(n int) domain.Fact {
	id := domain.NamedID(domain.ID{}, fmt.Sprint(n))
	return domain.Fact{ID: id, User: "u", Movie: "m", ReceivedAt: 1_750_000_000_000 + domain.Instant(n)}
}

func unplaced(n int) (out []domain.PlaybackCommand) {
	for i := range n {
		kind := domain.Play
		if i > 0 {
			kind = domain.Pause
		}
		out = append(out, &domain.RecordPlayback{Fact: placeless(i), Type: kind,
			Position: domain.Millis(i) * 10_000, Duration: 7_200_000})
	}
	return out
}

func scattered(n int) (out []domain.PlaybackCommand) {
	for i := range n {
		from := domain.Millis(i) * 3_000
		f := placeless(i)
		f.Session, f.Sequence = "s", int64(i+1)
		out = append(out, &domain.RecordPlayback{Fact: f, Type: domain.Pause, Duration: 7_200_000,
			Watched: []domain.Interval{{Start: from, End: from + 2_000}}})
	}
	return out
}
