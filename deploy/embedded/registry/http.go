package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// apiError is an error as clients of Confluent's registry know it: the first three digits of its code are the HTTP status.
type apiError struct {
	Code    int    `json:"error_code"`
	Message string `json:"message"`
}

func (e *apiError) Error() string { return e.Message }

func failure(code int, format string, args ...any) error {
	return &apiError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// maxBody bounds a request. Schemas are some kilobytes.
const maxBody = 1 << 20

// Handler answers the registry's HTTP interface, also without Run.
func (r *Registry) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(*Registry, *http.Request) (any, error){
		"GET /{$}":           func(*Registry, *http.Request) (any, error) { return struct{}{}, nil },
		"GET /schemas/types": func(*Registry, *http.Request) (any, error) { return []string{"AVRO"}, nil },
		"GET /schemas":       listSchemas,

		"GET /schemas/ids/{id}":          schemaByID,
		"GET /schemas/ids/{id}/schema":   schemaTextByID,
		"GET /schemas/ids/{id}/subjects": subjectsByID,
		"GET /schemas/ids/{id}/versions": versionsByID,

		"GET /subjects":                                           listSubjects,
		"POST /subjects/{subject}":                                lookup,
		"DELETE /subjects/{subject}":                              deleteSubject,
		"GET /subjects/{subject}/versions":                        listVersions,
		"POST /subjects/{subject}/versions":                       register,
		"GET /subjects/{subject}/versions/{version}":              getVersion,
		"DELETE /subjects/{subject}/versions/{version}":           deleteVersion,
		"GET /subjects/{subject}/versions/{version}/schema":       getVersionText,
		"GET /subjects/{subject}/versions/{version}/referencedby": referencedBy,

		"POST /compatibility/subjects/{subject}/versions":           checkAll,
		"POST /compatibility/subjects/{subject}/versions/{version}": checkVersion,

		"GET /config":              getLevel,
		"PUT /config":              setLevel,
		"DELETE /config":           resetLevel,
		"GET /config/{subject}":    getLevel,
		"PUT /config/{subject}":    setLevel,
		"DELETE /config/{subject}": resetLevel,
		"GET /mode":                getMode,
		"PUT /mode":                setMode,
		"DELETE /mode":             resetMode,
		"GET /mode/{subject}":      getMode,
		"PUT /mode/{subject}":      setMode,
		"DELETE /mode/{subject}":   resetMode,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			req.Body = http.MaxBytesReader(w, req.Body, maxBody)
			v, err := h(r, req)
			r.reply(w, v, err)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		r.reply(w, nil, failure(404, "HTTP 404 Not Found: %s %s", req.Method, req.URL.Path))
	})
	return mux
}

// plain is an answer that is a schema's own text.
type plain string

func (r *Registry) reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	status := http.StatusOK
	if err != nil {
		var e *apiError
		if !errors.As(err, &e) {
			r.logger.Error("embedded registry failed", "error", err)
			e = &apiError{Code: 50001, Message: err.Error()}
		}
		v, status = e, e.Code
		for status > 999 {
			status /= 10
		}
	}
	var body []byte
	if text, ok := v.(plain); ok {
		body = []byte(text)
	} else if body, err = json.Marshal(v); err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error_code":500,"message":"internal"}`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

func decode(req *http.Request, v any) error {
	if err := json.NewDecoder(req.Body).Decode(v); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return failure(413, "a request may have %d bytes", tooLarge.Limit)
		}
		return failure(400, "the body is not the JSON that is expected here: %v", err)
	}
	return nil
}

func flag(req *http.Request, name string) bool {
	v, _ := strconv.ParseBool(req.URL.Query().Get(name))
	return v
}
