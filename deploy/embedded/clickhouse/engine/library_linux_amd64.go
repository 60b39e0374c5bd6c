package engine

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

type pointer = unsafe.Pointer

// statement is the C signature shared by everything that takes a query: connection, query, format and parameters,
// each string with its length, so that any byte may occur.
type statement func(conn, query pointer, queryLen uintptr, format pointer, formatLen uintptr,
	names, nameLens, values, valueLens pointer, params uintptr) pointer

// library is the part of libchdb's C interface that the engine needs. Handles are opaque.
type library struct {
	setSignalHandlers func(on int32)
	connect           func(argc int32, argv pointer) pointer
	closeConn         func(conn pointer)
	classify          func(conn, query pointer, queryLen uintptr, database pointer, databaseLen uintptr, out pointer) int32

	query         statement
	resultBuffer  func(result pointer) pointer
	resultLength  func(result pointer) uintptr
	resultError   func(result pointer) string
	destroyResult func(result pointer)

	stream       statement
	streamFetch  func(conn, stream pointer) pointer
	streamCancel func(conn, stream pointer)
}

func load(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load libchdb: %w", err)
	}
	l := new(library)
	var errs []error
	for _, s := range []struct {
		name string
		fn   any
	}{
		{"chdb_set_signal_handlers_enabled", &l.setSignalHandlers},
		{"chdb_connect", &l.connect},
		{"chdb_close_conn", &l.closeConn},
		{"chdb_classify_query_n", &l.classify},
		{"chdb_query_with_params_n", &l.query},
		{"chdb_result_buffer", &l.resultBuffer},
		{"chdb_result_length", &l.resultLength},
		{"chdb_result_error", &l.resultError},
		{"chdb_destroy_query_result", &l.destroyResult},
		{"chdb_stream_query_with_params_n", &l.stream},
		{"chdb_stream_fetch_result", &l.streamFetch},
		{"chdb_stream_cancel_query", &l.streamCancel},
	} {
		symbol, err := purego.Dlsym(handle, s.name)
		if err != nil || symbol == 0 {
			errs = append(errs, fmt.Errorf("%s has no %s: libchdb 26.7 or newer is needed", path, s.name))
			continue
		}
		purego.RegisterFunc(s.fn, symbol)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return l, nil
}
