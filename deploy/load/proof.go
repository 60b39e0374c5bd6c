package load

import (
	"slices"

	"ugc/domain"
)

// proof is what the service handed out for all that it accepted, to be shown again when reading. A token in a header can name few movies, and a
// run has many: so those of each movie are kept apart.
type proof struct {
	all     domain.Token            // without movies
	movies  map[string]domain.Token // by movie, of the writes that gave feedback on it
	unnamed map[string]bool         // movies of accepted feedback that the answer's token did not name: the batch was too large
}

// add keeps the token of an answer that accepted these commands.
func (p *proof) add(token domain.Token, accepted []domain.Command) {
	if p.movies == nil {
		p.movies, p.unnamed = map[string]domain.Token{}, map[string]bool{}
	}
	for _, m := range token {
		if m.Movie != "" {
			p.movies[m.Movie] = p.movies[m.Movie].Add(m)
		}
	}
	for _, m := range token.ByPartition() {
		p.all = p.all.Add(m)
	}
	for _, c := range accepted {
		movie := c.Head().Movie
		if _, feedback := c.(domain.FeedbackCommand); feedback && !slices.ContainsFunc(token, func(m domain.Mark) bool { return m.Movie == movie }) {
			p.unnamed[movie] = true
		}
	}
}
