package v1

import (
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/problem"
)

// What movies_ugc calls favorites are our bookmarks; its likes have a score and are our ratings.

var (
	showBookmarks = []handlers.View{handlers.ViewBookmarks}
	showRatings   = []handlers.View{handlers.ViewRatings}
)

func (a *API) favorites(c *fiber.Ctx, r request) error {
	return a.list(c, r, domain.BookmarkKind, appendBookmark)
}

func (a *API) likes(c *fiber.Ctx, r request) error {
	return a.list(c, r, domain.RatingKind, appendRating)
}

// addFavorite ignores any body, even a broken one, as movies_ugc does.
func (a *API) addFavorite(c *fiber.Ctx, r request) error {
	return a.favorite(c, r, fiber.StatusCreated, true, func(f handlers.Feedback, wait handlers.Await) (handlers.Written, error) {
		return a.bookmark.Handle(r.ctx, f, wait)
	})
}

func (a *API) removeFavorite(c *fiber.Ctx, r request) error {
	return a.favorite(c, r, fiber.StatusOK, false, func(f handlers.Feedback, wait handlers.Await) (handlers.Written, error) {
		return a.clearBookmark.Handle(r.ctx, f, wait)
	})
}

func (a *API) favorite(c *fiber.Ctx, r request, status int, is bool, write func(handlers.Feedback, handlers.Await) (handlers.Written, error)) error {
	if wrong := checkIDs(r); wrong != nil {
		return wrong
	}
	done, err := write(handlers.Feedback{User: r.user, Movie: r.movie}, handlers.Await{For: a.shown, Views: showBookmarks})
	if err != nil {
		return unwritten(err)
	}
	setToken(c, done.Token)
	b := strconv.AppendBool(append(appendPair(nil, r.user, r.movie), `,"is_favorite":`...), is)
	return sendJSON(c, status, append(b, '}'))
}

func (a *API) like(c *fiber.Ctx, r request) error {
	all := checkIDs(r)
	b, err := readBody(c)
	if wrong, ok := errors.AsType[faults](err); ok {
		return append(all, wrong...)
	} else if err != nil {
		return err
	}
	score := b.integer("score", domain.MaxScore)
	if all = append(all, b.faults...); all != nil {
		return all
	}
	done, err := a.rate.Handle(r.ctx, handlers.RateMovie{Feedback: handlers.Feedback{User: r.user, Movie: r.movie}, Score: int32(score)},
		handlers.Await{For: a.shown, Views: showRatings})
	if err != nil {
		return unwritten(err)
	}
	setToken(c, done.Token)
	return sendJSON(c, fiber.StatusOK, appendRating(nil, handlers.Opinion{User: r.user, Movie: r.movie, Value: int32(score)}))
}

func checkIDs(r request) (all faults) {
	all.add("path", "user_id", checkID(r.user))
	all.add("path", "movie_id", checkID(r.movie))
	return all
}

// HeaderToken carries the proof of a write, which a read of /api/v2 can ask for.
const HeaderToken = "Consistency-Token"

func setToken(c *fiber.Ctx, t domain.Token) {
	if s := t.String(); s != "" {
		c.Set(HeaderToken, s)
	}
}

// unwritten words the one failure that differs from /api/v2's: reports of this version carry no id by which a repeated one is known.
func unwritten(err error) error {
	if domain.KindOf(err) != domain.Uncertain {
		return err
	}
	return &problem.Problem{Kind: problem.Uncertain, Err: err,
		Detail: "It may or may not be written. Favorites and likes can be sent again safely; a playback event or viewing might then count twice, as /api/v1 knows no event_id: /api/v2 does."}
}
