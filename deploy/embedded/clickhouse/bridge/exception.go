package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"ugc/deploy/embedded/clickhouse/engine"
)

// Codes of the exceptions that the bridge itself raises, as the server numbers them.
const (
	codeBadArguments    = 36
	codeSyntaxError     = 62
	codeUnknownSetting  = 115
	codeReadonly        = 164
	codeTooManyQueries  = 202
	codeCannotRead      = 33
	codeQueryTooLarge   = 307 // TOO_MANY_BYTES
	codeNoSession       = 372
	codeSessionLocked   = 373
	codeCancelled       = 394
	codeAuthentication  = 516
	codeUnknownPackaged = 1001 // STD_EXCEPTION: anything that has no code
)

func exception(code int, name, format string, args ...any) engine.Error {
	return engine.Error(fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", code, fmt.Sprintf(format, args...), name))
}

// asException gives any error the form that clients parse: one text that starts with its code.
func asException(err error) engine.Error {
	var e engine.Error
	switch {
	case errors.As(err, &e) && e.Code() != 0:
		text := strings.TrimSpace(string(e))
		text = text[strings.Index(text, "Code: "):]
		lead := fmt.Sprintf("Code: %d. DB::Exception: ", e.Code())
		return engine.Error(strings.Replace(text, lead+lead, lead, 1)) // as the engine says it for rows from a file
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return exception(codeCancelled, "QUERY_WAS_CANCELLED", "the client went away")
	}
	return exception(codeUnknownPackaged, "STD_EXCEPTION", "%v", err)
}

// status is the HTTP status that the server answers an exception with.
func status(code int) int {
	switch code {
	case codeAuthentication, 192, 193, 194, 492, 497:
		return http.StatusForbidden
	case codeReadonly:
		return http.StatusForbidden
	case 46, 60, 79, 81, codeUnknownSetting, codeNoSession, codeSessionLocked:
		return http.StatusNotFound
	case 6, 16, 20, 26, 27, codeCannotRead, codeBadArguments, 38, 41, 42, 43, 44, 47, 53, codeSyntaxError, 69, 70, 72, 73,
		117, 349, 456, 457, 469:
		return http.StatusBadRequest
	case 159:
		return http.StatusRequestTimeout
	case codeQueryTooLarge:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusInternalServerError
}
