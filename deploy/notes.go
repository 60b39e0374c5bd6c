package deploy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Notes that a running house leaves in its data folder.
const (
	NoteHTTP     = "http.addr"       // host:port of the edge
	NoteKafka    = "kafka.addr"      // host:port of the embedded broker
	NoteRegistry = "registry.addr"   // host:port of the embedded schema registry
	NoteEngine   = "clickhouse.sock" // path of the embedded ClickHouse engine's socket
)

// ErrNotRunning says that no service runs on a data folder.
var ErrNotRunning = errors.New("no service runs on this data folder: start one with `ugc run`, or name its folder by UGC_DATA_DIR")

// Note reads what the running service left in its data folder.
func Note(dataDir, name string) (string, error) {
	f, err := os.Open(filepath.Join(dataDir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotRunning
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return strings.TrimSpace(string(b)), nil
}
