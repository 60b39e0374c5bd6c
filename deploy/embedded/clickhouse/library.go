package clickhouse

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"ugc/deploy/embedded/clickhouse/engine"
)

// LibraryVariable is the environment variable that names libchdb.so, over every other place.
const LibraryVariable = "UGC_CHDB_LIB"

var (
	// ErrPlatform says that there is no embedded engine for this operating system and processor.
	ErrPlatform = engine.ErrPlatform
	// ErrNoLibrary says that libchdb.so was found nowhere.
	ErrNoLibrary = errors.New("the embedded ClickHouse engine is not installed")
)

const (
	packageDir  = "node_modules/@chdb/lib-linux-x64-gnu"
	treeDir     = "deploy/embedded/clickhouse"
	libraryName = "libchdb.so"
)

// FindLibrary returns the path of libchdb.so: path itself where given, then what LibraryVariable names, then where
// `npm ci` puts it beside the executable, in the working directory or a directory above it, then the data directory.
// Its errors say what to do.
func FindLibrary(path, dataDir string) (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("%w, this is %s/%s: set UGC_CLICKHOUSE to the URL of a ClickHouse server", ErrPlatform, runtime.GOOS, runtime.GOARCH)
	}
	for _, named := range []struct{ path, by string }{{path, "configured"}, {os.Getenv(LibraryVariable), LibraryVariable}} {
		if named.path == "" {
			continue
		}
		if !isFile(named.path) {
			return "", fmt.Errorf("%w: %s (%s) is no file: correct it, or unset it and run `make setup`", ErrNoLibrary, named.path, named.by)
		}
		return filepath.Abs(named.path)
	}
	places := libraryPlaces(dataDir)
	for _, place := range places {
		if isFile(place) {
			return filepath.Abs(place)
		}
	}
	return "", fmt.Errorf("%w: run `make setup`, or set %s to the path of %s, or set UGC_CLICKHOUSE to the URL of a ClickHouse server (looked for %s)",
		ErrNoLibrary, LibraryVariable, libraryName, strings.Join(places, ", "))
}

func libraryPlaces(dataDir string) (places []string) {
	inTree := filepath.Join(treeDir, packageDir, libraryName)
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		places = append(places, filepath.Join(filepath.Dir(exe), inTree), filepath.Join(filepath.Dir(exe), libraryName))
	}
	if dir, err := os.Getwd(); err == nil {
		for {
			places = append(places, filepath.Join(dir, inTree))
			if isFile(filepath.Join(dir, "go.mod")) || dir == filepath.Dir(dir) {
				break
			}
			dir = filepath.Dir(dir)
		}
	}
	if dataDir != "" {
		places = append(places, filepath.Join(dataDir, packageDir, libraryName), filepath.Join(dataDir, libraryName))
	}
	return places
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
