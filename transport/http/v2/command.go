package v2

import (
	"errors"
	"fmt"
	"strings"

	"ugc/domain"
)

// command is what an event asks for. Where the event has faults it is only good for finding more of them.
func (e *event) command() domain.Command {
	report, isReport := domain.ParseReportType(e.typ)
	switch {
	case isReport:
		e.takes(playFields, fPosition)
		c := &domain.RecordPlayback{Fact: e.fact, Type: report, Position: domain.Millis(e.position), Duration: domain.Millis(e.duration), Rate: e.rate, Watched: e.watched}
		if e.given&fFromPosition != 0 {
			c.From = domain.Some(domain.Millis(e.from))
		}
		return c
	case e.typ == "viewing":
		e.takes(fViewedSeconds, fViewedSeconds)
		return &domain.RecordViewing{Fact: e.fact, ViewedSeconds: e.viewedSeconds}
	case e.typ == "rating":
		e.takes(fScore, fScore)
		return &domain.SetRating{Fact: e.fact, Score: int32(e.score)}
	}
	c := e.opinion()
	if c == nil {
		e.unknownType()
		return &domain.ClearBookmark{Fact: e.fact}
	}
	e.takes(0, 0)
	return c
}

// opinion is a command of feedback that needs no more than its type says, nil where the type is none.
func (e *event) opinion() domain.Command {
	switch e.typ {
	case "like":
		return &domain.SetLike{Fact: e.fact}
	case "dislike":
		return &domain.SetLike{Fact: e.fact, Dislike: true}
	case "clear_like":
		return &domain.ClearLike{Fact: e.fact}
	case "bookmark":
		return &domain.SetBookmark{Fact: e.fact}
	case "clear_bookmark":
		return &domain.ClearBookmark{Fact: e.fact}
	case "clear_rating":
		return &domain.ClearRating{Fact: e.fact}
	}
	return nil
}

func (e *event) unknownType() {
	if e.faulty&fType != 0 {
		return
	}
	if e.given&fType == 0 {
		e.wrong(fType, "type", "required", "must be one of "+strings.Join(eventTypes, ", "))
		return
	}
	detail := "must be one of " + strings.Join(eventTypes, ", ")
	if near := nearest(e.typ, eventTypes); near != "" {
		detail = fmt.Sprintf("did you mean %q? It %s", near, detail)
	}
	e.wrong(fType, "type", "unknown", detail)
}

// takes checks that an event of a known type has no field of another one, and those that it needs.
func (e *event) takes(own, needs fieldSet) {
	foreign := e.given & (playFields | fViewedSeconds | fScore) &^ own &^ e.faulty
	if foreign == 0 && e.given&needs == needs {
		return
	}
	for _, name := range foreign.names() {
		e.wrong(fieldOf(name), name, "not_applicable", fmt.Sprintf("does not belong to an event of type %q", e.typ))
	}
	for _, name := range (needs &^ e.given &^ e.faulty).names() {
		e.wrong(fieldOf(name), name, "required", fmt.Sprintf("must be given in an event of type %q", e.typ))
	}
}

// judge adds what the rules of the domain say to the faults of form; of a field that was faulty already it says nothing more.
func (e *event) judge(err error) {
	var invalid *domain.Error
	if !errors.As(err, &invalid) {
		return
	}
	for _, f := range invalid.Fields {
		if e.faulty&fieldOf(strings.TrimPrefix(f.Pointer, "/")) == 0 {
			e.fault(f.Pointer, f.Code, f.Message)
		}
	}
}
