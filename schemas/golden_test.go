package schemas

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// Golden bytes hold the wire still. They belong to a released version; -update rewrites those of the newest, which is right only before it
// has left the house.
var update = flag.Bool("update", false, "rewrite the golden files of the newest released version")

func goldenFile(version string, i int, ext string) string {
	return filepath.Join(goldenDir, version, strings.TrimSuffix(All()[i].File, ".avsc")+ext)
}

// writeGolden writes the bytes of a sample without the header, and what they say.
func writeGolden(t *testing.T, version string, i int) {
	b, err := wires()[i].encode(Offline())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(goldenDir, version), 0o755))
	text := hex.EncodeToString(b[headerSize:])
	var lines []string
	for len(text) > 64 {
		lines, text = append(lines, text[:64]), text[64:]
	}
	lines = append(lines, text, "")
	require.NoError(t, os.WriteFile(goldenFile(version, i, ".hex"), []byte(strings.Join(lines, "\n")), 0o644))
	require.NoError(t, os.WriteFile(goldenFile(version, i, ".json"), []byte(described(t, i, All()[i].Text, b[headerSize:])), 0o644))
}

// described says what a value holds as the schema alone tells it.
func described(t *testing.T, i int, text string, body []byte) string {
	s, err := parse(text)
	require.NoError(t, err)
	var value any
	require.NoError(t, newGeneric().Unmarshal(s, body, &value))
	out, err := json.MarshalIndent(plain(value), "", "  ")
	require.NoError(t, err)
	return string(out) + "\n"
}

func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = plain(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain(x)
		}
		return out
	case [16]byte:
		return domain.ID(v).String()
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return v
}

func readHex(t *testing.T, file string) []byte {
	b, err := os.ReadFile(file)
	require.NoError(t, err, "no golden bytes: run go test ./schemas -run TestGolden -update")
	body, err := hex.DecodeString(strings.ReplaceAll(string(b), "\n", ""))
	require.NoError(t, err)
	return body
}

func TestGoldenBytesOfToday(t *testing.T) {
	versions := releases(t)
	newest := versions[len(versions)-1]
	for i, w := range wires() {
		t.Run(w.name, func(t *testing.T) {
			if *update {
				writeGolden(t, newest, i)
			}
			body := readHex(t, goldenFile(newest, i, ".hex"))
			b, err := w.encode(Offline())
			require.NoError(t, err)
			require.Equal(t, hex.EncodeToString(body), hex.EncodeToString(b[headerSize:]))
			want, err := os.ReadFile(goldenFile(newest, i, ".json"))
			require.NoError(t, err)
			require.Equal(t, string(want), described(t, i, w.text(), body))
			got, err := w.decode(Offline(), b)
			require.NoError(t, err)
			require.Equal(t, w.sample, got)
		})
	}
}

// What any released version ever wrote is read today, by the schema it was written with.
func TestGoldenBytesOfEveryRelease(t *testing.T) {
	for _, version := range releases(t) {
		for i, w := range wires() {
			text, ok := releasedText(t, version, All()[i].File)
			if !ok {
				continue
			}
			t.Run(version+"/"+w.name, func(t *testing.T) {
				body := readHex(t, goldenFile(version, i, ".hex"))
				want, err := os.ReadFile(goldenFile(version, i, ".json"))
				require.NoError(t, err)
				require.Equal(t, string(want), described(t, i, text, body))
				got, err := w.decode(codecFor(shelf{1000: text}), append([]byte{0, 0, 0, 0x03, 0xe8}, body...))
				require.NoError(t, err)
				if text == All()[i].Text {
					require.Equal(t, w.sample, got)
				}
			})
		}
	}
}

func (w wire) text() string {
	r, _ := recordNamed(w.name)
	return list[r].Text
}
