package schemas

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// cache is the file that remembers what the registry said, so that the program starts while it is away. It is a convenience: one that is
// missing, damaged or of another registry counts as empty, and one that cannot be written is a warning.
type cache struct {
	path string
	log  *slog.Logger

	mu   sync.Mutex
	file cacheFile
}

type cacheFile struct {
	Registry string              `json:"registry"`
	Subjects map[string]cachedID `json:"subjects"`
	Schemas  map[uint32]string   `json:"schemas"` // of other versions, by id
}

// cachedID holds for one text alone: a changed schema is a new one.
type cachedID struct {
	Hash string `json:"sha256"`
	ID   uint32 `json:"id"`
}

const maxCacheFile = 32 << 20

func openCache(path, registry string, log *slog.Logger) *cache {
	c := &cache{path: path, log: log}
	c.file = cacheFile{Registry: registry, Subjects: map[string]cachedID{}, Schemas: map[uint32]string{}}
	if path == "" {
		return c
	}
	read, err := readCache(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		log.Warn("schema cache unreadable, starting a new one", "file", path, "err", err)
	case read.Registry == registry:
		c.file.Subjects, c.file.Schemas = orEmpty(read.Subjects), orEmpty(read.Schemas)
	}
	return c
}

func orEmpty[K cmp.Ordered, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}

func readCache(path string) (out cacheFile, err error) {
	f, err := os.Open(path)
	if err != nil {
		return out, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCacheFile+1))
	if err != nil {
		return out, err
	}
	if len(b) > maxCacheFile {
		return out, fmt.Errorf("larger than %d bytes", maxCacheFile)
	}
	return out, json.Unmarshal(b, &out)
}

func contentHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func (c *cache) subject(s Schema) (id uint32, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.file.Subjects[s.Subject]
	return known.ID, ok && known.Hash == contentHash(s.Text) && known.ID != 0
}

func (c *cache) setSubjects(ids [records]uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := false
	for r, s := range list {
		next := cachedID{Hash: contentHash(s.Text), ID: ids[r]}
		changed = changed || c.file.Subjects[s.Subject] != next
		c.file.Subjects[s.Subject] = next
	}
	if changed {
		c.save()
	}
}

func (c *cache) schema(id uint32) (text string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, ok = c.file.Schemas[id]
	return text, ok
}

func (c *cache) setSchema(id uint32, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.file.Schemas) >= maxWriters {
		clear(c.file.Schemas)
	}
	c.file.Schemas[id] = text
	c.save()
}

// save replaces the file whole, so that a crash leaves the old one or the new one.
func (c *cache) save() {
	if c.path == "" {
		return
	}
	if err := c.write(); err != nil {
		c.log.Warn("schema cache not written; the next start needs the registry", "file", c.path, "err", err)
	}
}

func (c *cache) write() (err error) {
	b, err := json.MarshalIndent(c.file, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(c.path), filepath.Base(c.path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), c.path)
}
