package audit

import (
	"math"
	"strconv"

	"ugc/deploy/reference"
)

// texts are the rows of each derived view: text by key.
func derivedTexts(x *reference.Derived) map[string]map[string]string {
	movies, hours, bars := map[string]string{}, map[string]string{}, map[string]string{}
	for movie, a := range x.Movies {
		movies[movie] = audienceText(a)
		for p := range reference.Parts {
			if a.Measured > 0 {
				bars[movie+"/"+strconv.Itoa(p)] = partText(a, p)
			}
		}
	}
	for h, w := range x.Hours {
		var t text
		t.num("newly_watched_ms", w.Newly.Int())
		t.num("viewers", w.Viewers)
		hours[strconv.FormatInt(h.At, 10)+"/"+h.Movie] = string(t.b)
	}
	return map[string]map[string]string{"movie_audience": movies, "watch_by_hour": hours, "retention": bars}
}

func audienceText(a *reference.Audience) string {
	var t text
	t.num("viewers", a.Viewers)
	t.num("watch_time_ms", a.WatchTime.Int())
	t.num("completions", a.Completions)
	t.share("completion_rate_bits", a.Completions, a.Viewers)
	t.num("plays", a.Plays.Int())
	t.share("mean_rating_bits", a.Scores, a.Ratings)
	t.num("ratings", a.Ratings)
	t.num("likes", a.Likes)
	t.num("dislikes", a.Dislikes)
	t.num("bookmarks", a.Bookmarks)
	return string(t.b)
}

func partText(a *reference.Audience, part int) string {
	var t text
	t.num("viewers", a.Saw[part])
	t.num("audience", a.Measured)
	t.share("share_bits", a.Saw[part], a.Measured)
	return string(t.b)
}

// share is compared by its bits, as rate is; of nothing there is none.
func (t *text) share(name string, part, whole int64) {
	t.opt(name, int64(math.Float64bits(float64(part)/float64(max(1, whole)))), whole != 0)
}
