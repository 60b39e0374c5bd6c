package handlers

import (
	"context"
	"errors"
	"time"

	"ugc/domain"
)

// Seeing is what every use case that reads needs to show at least a given write. Views may be nil where no tokens are handed out.
type Seeing struct{ Views Visibility }

// AtLeast asks a read to show at least these writes, and says how long it may take. The zero value asks for nothing.
type AtLeast struct {
	Token domain.Token
	For   time.Duration
	// Waited is told, before the read, that its view was waited for and shows the writes. It is not told where the
	// token says nothing about that view. nil: nobody wants to know.
	Waited func()
}

// ErrNotVisible says that a write is safe but not shown yet. It comes within an error of kind Unavailable.
var ErrNotVisible = errors.New("the view does not show that write yet: read again in a moment")

// see blocks until the view shows the writes asked for. The error has kind Invalid where the token is none, else
// Unavailable; it holds ErrNotVisible where time ran out.
func (s Seeing) see(ctx context.Context, view View, a AtLeast) error {
	if len(a.Token) == 0 || s.Views == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.For)
	defer cancel()
	err := s.Views.Wait(ctx, view, a.Token)
	if errors.Is(err, domain.ErrToken) {
		return err
	}
	if err == nil && a.Waited != nil && s.Views.Concerns(view, a.Token) {
		a.Waited()
	}
	if err != nil && ctx.Err() != nil {
		err = ErrNotVisible
	}
	if err != nil {
		return domain.Wrap(domain.Unavailable, "wait for view "+string(view), err)
	}
	return nil
}

// checkKeys says everything that is wrong with the ids in a read, as an error of kind Invalid.
func checkKeys(what string, pairs ...string) error {
	var fields []domain.FieldError
	for i := 0; i < len(pairs); i += 2 {
		if code, msg := domain.ValidateKeyPart(pairs[i+1]); code != "" {
			fields = append(fields, domain.FieldError{Pointer: pairs[i], Code: code, Message: msg})
		}
	}
	if fields == nil {
		return nil
	}
	return &domain.Error{Kind: domain.Invalid, Message: what, Fields: fields}
}

func notFound(message string) error {
	return &domain.Error{Kind: domain.NotFound, Message: message}
}
