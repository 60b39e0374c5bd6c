package reference

// About is what an opinion is about.
type About string

// What opinions are about. Nothing is a record of older versions of ugc, which changes nothing.
const (
	Like     About = "like"
	Bookmark About = "bookmark"
	Rating   About = "rating"
	Nothing  About = ""
)

// Feedback is an opinion that a user gives or takes back.
type Feedback struct {
	Fact
	About   About
	Cleared bool
	Value   int64  // of a like 1, of a dislike -1, of a rating its score
	Version uint64 // its place in the log
}

// Opinion is a register of feedback.
type Opinion struct {
	Register
	Cleared bool
	Since   uint64 // since which version it has been there; 0 where it is not
}

// There says whether the opinion is given, and not taken back.
func (o *Opinion) There() bool { return o.Written && !o.Cleared }

// Opinions are those of one user on one movie, as the views show them.
type Opinions struct{ Like, Bookmark, Rating Opinion }

func (o *Opinions) of(a About) *Opinion {
	return map[About]*Opinion{Like: &o.Like, Bookmark: &o.Bookmark, Rating: &o.Rating}[a]
}

// Of is the opinion about one thing.
func (o *Opinions) Of(a About) Opinion { return *o.of(a) }

// User is what is known of the feedback of one user on one movie. Its zero value knows nothing.
type User struct {
	Opinions
	ids ids
}

// Take decides the next feedback in the order of the log.
func (u *User) Take(f *Feedback) Verdict {
	if f.About == Nothing {
		return Stale
	}
	if u.ids.knows(f.ID) {
		return Duplicate
	}
	o := u.of(f.About)
	there := o.There()
	if !o.write(&f.Fact, f.Value) {
		return Stale
	}
	switch o.Cleared = f.Cleared; {
	case f.Cleared:
		o.Since, o.Value = 0, 0
	case !there:
		o.Since = f.Version
	}
	return Applied
}

// Summary is what the feedback of all users says of a movie.
type Summary struct {
	Ratings, Likes, Dislikes, Bookmarks int64
	Histogram                           [11]int64
	UpdatedAt                           int64
}

// Count replaces what a user thought before an opinion by what is thought after it.
func (s *Summary) Count(before, after *Opinions, f *Feedback, v Verdict) {
	s.add(before, -1)
	s.add(after, 1)
	if v == Applied {
		s.UpdatedAt = max(s.UpdatedAt, f.ReceivedAt)
	}
}

func (s *Summary) add(o *Opinions, sign int64) {
	if o.Rating.There() {
		s.Ratings += sign
		s.Histogram[o.Rating.Value] += sign
	}
	if o.Like.There() && o.Like.Value > 0 {
		s.Likes += sign
	}
	if o.Like.There() && o.Like.Value < 0 {
		s.Dislikes += sign
	}
	if o.Bookmark.There() {
		s.Bookmarks += sign
	}
}

// Add adds what the feedback of other users says of the movie.
func (s *Summary) Add(of *Summary) {
	for score, n := range of.Histogram {
		s.Histogram[score] += n
	}
	s.Ratings, s.Likes, s.Dislikes, s.Bookmarks = s.Ratings+of.Ratings, s.Likes+of.Likes, s.Dislikes+of.Dislikes, s.Bookmarks+of.Bookmarks
	s.UpdatedAt = max(s.UpdatedAt, of.UpdatedAt)
}

// Mean of the ratings; 0 where there are none.
func (s *Summary) Mean() float64 {
	if s.Ratings == 0 {
		return 0
	}
	scores := int64(0)
	for score, n := range s.Histogram {
		scores += int64(score) * n
	}
	return float64(scores) / float64(s.Ratings)
}
