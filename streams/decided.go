package streams

import (
	"ugc/domain"
	"ugc/schemas"
)

// decided turns a decider into a rule: command in, one event out. A new decider needs no more than its codec functions.
func decided[S any, C domain.Command, E domain.Event](
	d domain.Decider[S, C, E], codec *schemas.Codec,
	decode func([]byte) (*schemas.Table[S], error), encode func(*schemas.Table[S]) ([]byte, error),
) rule[S, C] {
	return rule[S, C]{
		decode: decode,
		encode: encode,
		read: func(in *input) (C, error) {
			var none C
			read, err := codec.DecodeCommand(in.value)
			if err != nil {
				return none, refusalOf(err)
			}
			c, ok := read.(C)
			if !ok {
				return none, notApplicable("%T is no command of this topic", read)
			}
			head := c.Head()
			head.Origin = in.origin
			if key := head.Key(); key != in.key {
				return none, notApplicable("the record's key is %s, its command is about %s", schemas.Quote(in.key), schemas.Quote(key))
			}
			if err := c.Validate(); err != nil { // the edge refuses these; whoever else writes here does not
				return none, notApplicable("%w", err)
			}
			return c, nil
		},
		apply: func(s S, c C) (S, []byte, domain.Verdict, error) {
			e := d.Decide(s, c)
			event, err := codec.EncodeEvent(e)
			if err != nil {
				return s, nil, 0, refusalOf(err)
			}
			return d.Evolve(s, e), event, e.Judged(), nil
		},
	}
}

// foldedMovies folds feedback events, re-keyed by movie, into the movie's summary. It emits nothing: the table is the result.
//
// Its Applied counts records of its own input, where one feedback event may stand twice after a crash of the feedback group. That does no
// harm: domain.FoldMovie knows by the event's own origin what it has folded.
func foldedMovies(codec *schemas.Codec) rule[domain.MovieState, domain.FeedbackEvent] {
	return rule[domain.MovieState, domain.FeedbackEvent]{
		decode: codec.DecodeMoviesTable,
		encode: codec.EncodeMoviesTable,
		read: func(in *input) (domain.FeedbackEvent, error) {
			read, err := codec.DecodeEvent(in.value)
			if err != nil {
				return nil, refusalOf(err)
			}
			e, ok := read.(domain.FeedbackEvent)
			if !ok {
				return nil, notApplicable("%T is no event of this topic", read)
			}
			if movie := e.Head().Movie; movie != in.key {
				return nil, notApplicable("the record's key is %s, its event is about movie %s", schemas.Quote(in.key), schemas.Quote(movie))
			}
			return e, nil
		},
		apply: func(s domain.MovieState, e domain.FeedbackEvent) (domain.MovieState, []byte, domain.Verdict, error) {
			return domain.FoldMovie(s, e), nil, e.Judged(), nil
		},
	}
}
