package engine

import (
	"errors"
	"runtime"
	"unsafe"
)

type session struct {
	lib    *library
	handle pointer // what connect returned
	conn   pointer // what statements take
}

func (s *session) Close() {
	if s.handle != nil {
		s.lib.closeConn(s.handle)
		s.handle, s.conn = nil, nil
	}
}

func (s *session) Classify(query string) (Class, int) {
	out := [4]uint32{0: 16} // size, statements, flags, class
	q := cString(query)
	rc := s.lib.classify(s.conn, q, uintptr(len(query)), nil, 0, pointer(&out[0]))
	runtime.KeepAlive(query)
	if rc != 0 {
		return Unknown, 0
	}
	return Class(out[3]), int(out[1])
}

func (s *session) Query(query, format string, params map[string]string) ([]byte, error) {
	return s.take(s.run(s.lib.query, query, format, params))
}

func (s *session) Stream(query, format string, params map[string]string, each func([]byte) error) error {
	stream := s.run(s.lib.stream, query, format, params)
	if stream == nil {
		return Error("Code: 1001. DB::Exception: the engine opened no stream. (STD_EXCEPTION)")
	}
	defer s.lib.destroyResult(stream)
	if msg := s.lib.resultError(stream); msg != "" {
		return Error(msg)
	}
	for {
		more, err := s.next(stream, each)
		if err != nil {
			var refused Error
			if !errors.As(err, &refused) {
				s.lib.streamCancel(s.conn, stream)
			}
			return err
		}
		if !more {
			return nil
		}
	}
}

func (s *session) next(stream pointer, each func([]byte) error) (more bool, err error) {
	chunk := s.lib.streamFetch(s.conn, stream)
	if chunk == nil {
		return false, nil
	}
	defer s.lib.destroyResult(chunk)
	if msg := s.lib.resultError(chunk); msg != "" {
		return false, Error(msg)
	}
	n := s.lib.resultLength(chunk)
	if n == 0 {
		return false, nil
	}
	return true, each(unsafe.Slice((*byte)(s.lib.resultBuffer(chunk)), n))
}

func (s *session) take(result pointer) ([]byte, error) {
	if result == nil {
		return nil, nil
	}
	defer s.lib.destroyResult(result)
	if msg := s.lib.resultError(result); msg != "" {
		return nil, Error(msg)
	}
	n := s.lib.resultLength(result)
	if n == 0 {
		return nil, nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(s.lib.resultBuffer(result)), n)...), nil
}

// run calls a statement function. What it points to lies on the heap, which Go never moves, and is kept alive.
func (s *session) run(call statement, query, format string, params map[string]string) pointer {
	var names, values []pointer
	var nameLens, valueLens []uintptr
	for name, value := range params {
		names, nameLens = append(names, cString(name)), append(nameLens, uintptr(len(name)))
		values, valueLens = append(values, cString(value)), append(valueLens, uintptr(len(value)))
	}
	result := call(s.conn, cString(query), uintptr(len(query)), cString(format), uintptr(len(format)),
		pointer(unsafe.SliceData(names)), pointer(unsafe.SliceData(nameLens)),
		pointer(unsafe.SliceData(values)), pointer(unsafe.SliceData(valueLens)), uintptr(len(params)))
	for _, alive := range []any{query, format, params, names, nameLens, values, valueLens} {
		runtime.KeepAlive(alive)
	}
	return result
}

// cString is the address of a string's bytes, never nil. The caller keeps the string alive.
func cString(s string) pointer {
	if s == "" {
		return pointer(&nul)
	}
	return pointer(unsafe.StringData(s))
}

var nul byte
