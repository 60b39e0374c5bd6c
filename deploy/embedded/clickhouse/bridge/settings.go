package bridge

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"ugc/deploy/embedded/clickhouse/engine"
)

// reserved are the URL parameters that are no settings of the engine.
var reserved = map[string]bool{
	"query": true, "query_id": true, "database": true, "default_format": true, "user": true, "password": true,
	"quota_key": true, "session_id": true, "session_timeout": true, "session_check": true, "compress": true,
	"decompress": true, "client_protocol_version": true, "wait_end_of_query": true, "buffer_size": true,
	"stacktrace": true, "close_session": true, "log_comment": true,
}

// prepare gives the session the request's database and settings, and a mark by which the statement is found when it
// has to be killed: the engine chooses query ids itself, log_comment is what is left.
func (h *Handler) prepare(s engine.Session, q *request) (mark string, err error) {
	fresh := !q.values.Has("session_id")
	if q.database != "" && !(fresh && q.database == "default") {
		if _, err := s.Query("USE "+quoteName(q.database), "Null", nil); err != nil {
			return "", err
		}
	}
	settings := maps.Clone(h.o.Settings)
	if settings == nil {
		settings = map[string]string{}
	}
	for name := range q.values {
		if reserved[name] || strings.HasPrefix(name, "param_") || q.describesTable(name) {
			continue
		}
		if !isSettingName(name) {
			return "", exception(codeUnknownSetting, "UNKNOWN_SETTING", "Unknown setting %s", quote(name))
		}
		settings[name] = q.values.Get(name)
	}
	mark = newMark()
	settings["log_comment"] = strings.TrimSpace(mark + " " + q.values.Get("log_comment"))
	var set []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		set = append(set, name+"="+quote(settings[name]))
	}
	_, err = s.Query("SET "+strings.Join(set, ", "), "Null", nil)
	return mark, err
}

// describesTable says that a parameter belongs to an external table: name_structure, name_format, name_types.
func (q *request) describesTable(name string) bool {
	for _, suffix := range []string{"_structure", "_format", "_types"} {
		if table, ok := strings.CutSuffix(name, suffix); ok && (q.values.Has(table+"_structure") || q.values.Has(table+"_types")) {
			return true
		}
	}
	return false
}

func newMark() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func isSettingName(name string) bool {
	if name == "" {
		return false
	}
	for i := 0; i < len(name); i++ {
		if !isWord(name[i]) || name[i] >= 0x80 {
			return false
		}
	}
	return true
}

var escapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "`", "\\`", "\x00", `\0`)

// quote writes a string literal.
func quote(s string) string { return "'" + escapes.Replace(s) + "'" }

// quoteName writes an identifier.
func quoteName(s string) string { return "`" + escapes.Replace(s) + "`" }
