package clickhouse

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"ugc/domain"
)

// Codes of the server's exceptions, as its error list numbers them.
const (
	codeNoSuchColumn        = 16
	codeUnknownTable        = 60
	codeUnknownDatabase     = 81
	codeTimeoutExceeded     = 159
	codeReadOnly            = 164
	codeTooManyQueries      = 202
	codeMemoryLimit         = 241
	codeTableReadOnly       = 242
	codeNotEnoughSpace      = 243
	codeTooManyParts        = 252
	codeTooFewLiveReplicas  = 285
	codeQuorumNotSatisfied  = 286
	codeUnknownInsertStatus = 319
	codeAccessDenied        = 497
	codeWrongPassword       = 516
	codeKeeper              = 999
)

// remedies say what to do about a refusal that another try, later, may not meet. Nothing is lost meanwhile: the records stay in Kafka.
var remedies = map[int32]string{
	codeNoSuchColumn:        "its tables are older than this program: run `ugc init`",
	codeUnknownTable:        "its tables are not there: run `ugc init`",
	codeUnknownDatabase:     "its database is not there: run `ugc init`",
	codeTimeoutExceeded:     "it did not finish in time: look at its load",
	codeReadOnly:            "the user may only read: give UGC_CLICKHOUSE a user with readonly=0",
	codeTooManyQueries:      "it is busy with other queries",
	codeMemoryLimit:         "it has not enough memory: raise its limit, or make batches smaller",
	codeTableReadOnly:       "its tables are read-only: look at its Keeper and its disks",
	codeNotEnoughSpace:      "its disk is full: make room or add a disk",
	codeTooManyParts:        "it cannot merge as fast as it is written: make batches larger, or look at its disks",
	codeTooFewLiveReplicas:  "too few of its replicas are up for a safe write",
	codeQuorumNotSatisfied:  "too few of its replicas took the write in time",
	codeUnknownInsertStatus: "it cannot say whether the write was made",
	codeAccessDenied:        "the user lacks a privilege: grant SELECT, INSERT, CREATE, DROP and ALTER on the database",
	codeWrongPassword:       "it refuses the user or password of UGC_CLICKHOUSE",
	codeKeeper:              "its Keeper does not answer",
}

// dataCodes are refusals of the data itself: another try would end the same.
var dataCodes = map[int32]bool{
	6: true, 27: true, 69: true, 131: true, 321: true, 349: true, 395: true, 407: true, 469: true,
	// CANNOT_PARSE_TEXT, CANNOT_PARSE_INPUT_ASSERTION_FAILED, ARGUMENT_OUT_OF_BOUND, TOO_LARGE_STRING_SIZE, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE,
	// CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN, FUNCTION_THROW_IF_VALUE_IS_NON_ZERO, DECIMAL_OVERFLOW, VIOLATED_CONSTRAINT
}

func exceptionOf(err error) (*ch.Exception, bool) {
	var e *ch.Exception
	return e, errors.As(err, &e)
}

func refusesData(err error) bool {
	e, ok := exceptionOf(err)
	return ok && dataCodes[e.Code]
}

func isCode(err error, codes ...int32) bool {
	e, ok := exceptionOf(err)
	if !ok {
		return false
	}
	for _, c := range codes {
		if e.Code == c {
			return true
		}
	}
	return false
}

// mapError gives an error of the driver a kind and says what to do; nil stays nil, and what has a kind keeps it.
func mapError(action string, err error) error {
	var known *domain.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	}
	if e, ok := exceptionOf(err); ok {
		if remedy := remedies[e.Code]; remedy != "" {
			return domain.Wrap(domain.Unavailable, "clickhouse: "+action+": "+remedy, err)
		}
		return domain.Wrap(domain.Internal, "clickhouse: "+action+": refused with code "+strconv.Itoa(int(e.Code))+" "+e.CodeName, err)
	}
	action = "clickhouse: " + action
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return domain.Wrap(domain.Unavailable, action+": given up", err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, ch.ErrAcquireConnTimeout):
		return domain.Wrap(domain.Unavailable, action+": no answer in time", err)
	case strings.Contains(err.Error(), "is not present in the table"): // what the driver finds out by itself over HTTP
		return domain.Wrap(domain.Unavailable, action+": "+remedies[codeNoSuchColumn], err)
	}
	return domain.Wrap(domain.Unavailable, action+": the server does not answer: look whether it runs at the address of UGC_CLICKHOUSE", err)
}

// firstLine is an exception without the stack that some servers append.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
