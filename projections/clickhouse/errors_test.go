package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"ugc/domain"
)

func TestErrorsHaveAKindAndARemedy(t *testing.T) {
	exception := func(code int32) error {
		return fmt.Errorf("batch: %w", &ch.Exception{Code: code, Name: "DB::Exception", Message: "as the server says"})
	}
	for name, c := range map[string]struct {
		err  error
		kind domain.Kind
		says string
	}{
		"disk full":                {exception(243), domain.Unavailable, "make room"},
		"table read-only":          {exception(242), domain.Unavailable, "Keeper"},
		"user read-only":           {exception(164), domain.Unavailable, "may only read"},
		"memory":                   {exception(241), domain.Unavailable, "memory"},
		"quorum":                   {exception(285), domain.Unavailable, "replicas"},
		"too many parts":           {exception(252), domain.Unavailable, "larger"},
		"no table":                 {exception(60), domain.Unavailable, "ugc init"},
		"password":                 {exception(516), domain.Unavailable, "password"},
		"unknown code":             {exception(49), domain.Internal, "code 49"},
		"what has a kind keeps it": {domain.Wrap(domain.Conflict, "x", exception(243)), domain.Conflict, "x"},
		"cancelled":                {fmt.Errorf("read: %w", context.Canceled), domain.Unavailable, "given up"},
		"time-out":                 {fmt.Errorf("read: %w", context.DeadlineExceeded), domain.Unavailable, "in time"},
		"deadline of a socket":     {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, domain.Unavailable, "in time"},
		"no connection free":       {ch.ErrAcquireConnTimeout, domain.Unavailable, "in time"},
		"connection refused":       {&net.OpError{Op: "dial", Err: errors.New("refused")}, domain.Unavailable, "look whether it runs"},
	} {
		t.Run(name, func(t *testing.T) {
			err := mapError("write viewing__g1", c.err)
			require.Equal(t, c.kind, domain.KindOf(err))
			require.ErrorContains(t, err, c.says)
			require.ErrorIs(t, err, c.err)
		})
	}
	require.NoError(t, mapError("write", nil))
}
