package domain

import (
	"cmp"
	"slices"
)

// MovieSummary is what all users together think of one movie.
type MovieSummary struct {
	Ratings   int64               // users whose rating is set
	Histogram [MaxScore + 1]int64 // how many gave each score
	Likes     int64
	Dislikes  int64
	Bookmarks int64
	UpdatedAt Instant // the newest time of arrival among the events that changed it
}

// Mean is the mean of all scores, 0 where there are none.
func (m MovieSummary) Mean() float64 {
	if m.Ratings == 0 {
		return 0
	}
	var sum int64
	for score, n := range m.Histogram {
		sum += int64(score) * n
	}
	return float64(sum) / float64(m.Ratings)
}

// MovieState is a summary and what has been folded into it.
type MovieState struct {
	Summary MovieSummary
	// Folded is, per partition of the feedback log, the newest version that was folded in. Events of one partition come in log order, and
	// what comes again after a crash comes from an older point on, so one number tells new from repeated.
	Folded []Origin // sorted by partition
}

// FoldedUpTo is the newest version of that partition that was folded in, NoVersion where none was.
func (s MovieState) FoldedUpTo(partition int32) Version {
	if i, ok := s.find(partition); ok {
		return s.Folded[i].Version
	}
	return NoVersion
}

func (s MovieState) find(partition int32) (int, bool) {
	return slices.BinarySearchFunc(s.Folded, partition, func(o Origin, p int32) int { return cmp.Compare(o.Partition, p) })
}

// FoldMovie is the movie's state after a feedback event about it. An event that was folded before changes nothing. The
// argument is not changed.
func FoldMovie(s MovieState, e FeedbackEvent) MovieState {
	origin := e.Head().Origin
	if origin.Version < 0 {
		return s // a touch of the movie itself, made by no feedback
	}
	i, found := s.find(origin.Partition)
	if found && s.Folded[i].Version >= origin.Version {
		return s
	}
	s.Folded = slices.Clone(s.Folded)
	if found {
		s.Folded[i] = origin
	} else {
		s.Folded = slices.Insert(s.Folded, i, origin)
	}
	c := e.Changed()
	if c.Verdict != Applied {
		return s
	}
	s.Summary.add(c.Before, -1)
	s.Summary.add(c.After, +1)
	s.Summary.UpdatedAt = max(s.Summary.UpdatedAt, e.Head().ReceivedAt)
	return s
}

func (m *MovieSummary) add(o Opinions, n int64) {
	if o.Rating.Set && o.Rating.Value >= 0 && o.Rating.Value <= MaxScore {
		m.Ratings += n
		m.Histogram[o.Rating.Value] += n
	}
	switch {
	case o.Like.Set && o.Like.Value == LikeValue:
		m.Likes += n
	case o.Like.Set && o.Like.Value == DislikeValue:
		m.Dislikes += n
	}
	if o.Bookmark.Set {
		m.Bookmarks += n
	}
}
