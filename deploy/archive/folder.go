package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// folder is where a copy is being written.
type folder struct {
	dir  string
	made bool     // by us
	sums []string // the lines of SHA256SUMS
	ours []string // files that lie there, whole or not

	create func(path string) (file, error)
}

// file is what is asked of a file that is written.
type file interface {
	io.WriteCloser
	Sync() error
}

func createFile(path string) (file, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // it holds what people did
}

// newFolder takes a folder that is empty, or makes it.
func newFolder(dir string, create func(string) (file, error)) (*folder, error) {
	if create == nil {
		create = createFile
	}
	f := &folder{dir: dir, create: create}
	there, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		f.made, err = true, os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	if len(there) > 0 {
		return nil, fmt.Errorf("the folder %s is not empty (%s lies in it): name another one; if an earlier save was killed there, delete it", dir, there[0].Name())
	}
	return f, nil
}

// write puts one file in its place whole, on the disk, or not at all. What content writes is summed up for SHA256SUMS.
func (f *folder) write(name string, content func(io.Writer) error) error {
	part := filepath.Join(f.dir, name+".partial")
	out, err := f.create(part)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f.ours = append(f.ours, part)
	sum := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(out, sum), 1<<16)
	if err = content(buffered); err == nil {
		err = errors.Join(buffered.Flush(), out.Sync())
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	path := filepath.Join(f.dir, name)
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f.ours[len(f.ours)-1] = path
	f.sums = append(f.sums, sumLine(sum, name))
	return nil
}

// seal makes the folder a copy. It does so last of all, when everything else is on the disk.
func (f *folder) seal() error {
	if err := syncDir(f.dir); err != nil {
		return err
	}
	lines := strings.Join(f.sums, "")
	if err := f.write(sumsName, func(w io.Writer) error { _, err := io.WriteString(w, lines); return err }); err != nil {
		return err
	}
	return errors.Join(syncDir(f.dir), syncDir(filepath.Dir(f.dir)))
}

// discard takes away what was written, so that the space is free again and the folder can be used for the next try.
func (f *folder) discard() error {
	var errs []error
	for _, path := range f.ours {
		errs = append(errs, os.Remove(path))
	}
	if f.made {
		errs = append(errs, os.Remove(f.dir))
	}
	return errors.Join(errs...)
}

// syncDir makes names in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func sumLine(sum hash.Hash, name string) string {
	return hex.EncodeToString(sum.Sum(nil)) + "  " + name + "\n"
}

// maxList bounds SHA256SUMS and the manifest: some hundred bytes for each of at most some ten thousand partitions, and the schemas.
const maxList = 64 << 20

// openFolder holds every file of a folder against SHA256SUMS, and gives its manifest. All that is wrong is said at once.
func openFolder(ctx context.Context, dir string, topics []string, tell func(done, total int64)) (*Manifest, error) {
	list, err := readBounded(filepath.Join(dir, sumsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no %s: it is no copy of the log, or one whose save did not come to its end", dir, sumsName)
	}
	if err != nil {
		return nil, err
	}
	sums, err := parseSums(list)
	if err != nil {
		return nil, err
	}
	var errs []error
	done := int64(0)
	for name, sum := range sums {
		switch is, err := sumOf(ctx, filepath.Join(dir, name)); {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, fmt.Errorf("%s is missing", name))
		case err != nil:
			errs = append(errs, err)
		case is != sum:
			errs = append(errs, fmt.Errorf("%s is damaged: its SHA-256 is %s, should be %s", name, is, sum))
		}
		done++
		tell(done, int64(len(sums)))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if sums[manifestName] == "" {
		return nil, fmt.Errorf("%s does not name %s", sumsName, manifestName)
	}
	text, err := readBounded(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(text, topics)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if sums[f.Name] == "" {
			errs = append(errs, fmt.Errorf("%s does not name %s", sumsName, f.Name))
		}
	}
	return m, errors.Join(errs...)
}

func parseSums(list []byte) (map[string]string, error) {
	sums := map[string]string{}
	for line := range bytes.Lines(list) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), "  ")
		if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size || name == "" || name != filepath.Base(name) {
			return nil, fmt.Errorf("%s is damaged: %q is no sum and name", sumsName, line)
		}
		sums[name] = sum
	}
	return sums, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxList+1))
	if err == nil && len(b) > maxList {
		err = fmt.Errorf("%s has more than %d bytes", path, maxList)
	}
	return b, err
}

func sumOf(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, untilDone{ctx, f}); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// untilDone reads until its context ends.
type untilDone struct {
	ctx context.Context
	io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
