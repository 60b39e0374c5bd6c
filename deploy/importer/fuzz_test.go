package importer

import (
	"bytes"
	"encoding/csv"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// row writes an event as the line that it was read from.
func row(t *testing.T, into *csv.Writer, e Event) {
	t.Helper()
	require.NoError(t, into.Write([]string{e.UserID, e.MovieID, strconv.FormatFloat(float64(e.Score)/2, 'f', -1, 64), strconv.FormatInt(e.OccurredAt/1000, 10)}))
}

// Whatever is read of a file, well formed or not, is what stands there: written again as a file it is read as the same. Only ids differ, where a
// number was written in another way.
func FuzzScanMovieLens(f *testing.F) {
	f.Add([]byte(header + "1,31,2.5,1260759144\n"))
	f.Add([]byte(header + "1,\"2,3,4\n"))
	f.Add([]byte(header + "1,31,2.50,01260759144\r\n\"a\"\"b\",31,5,1\n"))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, content []byte) {
		events, err := scan(t, string(content))
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		var again bytes.Buffer
		again.WriteString(header)
		w := csv.NewWriter(&again)
		for i := range events {
			require.LessOrEqual(t, events[i].OccurredAt, int64(domain.LastInstant))
			row(t, w, events[i])
		}
		w.Flush()
		same, err := scan(t, again.String())
		require.NoError(t, err)
		require.Len(t, same, len(events))
		for i := range events {
			_, err := domain.ParseID(events[i].EventID)
			require.NoError(t, err)
			events[i].EventID, same[i].EventID = "", ""
			require.Equal(t, events[i], same[i])
		}
	})
}

// One line is read as exact arithmetic reads it, or refused with its number and the column that is wrong.
func FuzzRating(f *testing.F) {
	f.Add("1", "31", "2.5", "1260759144")
	f.Add("a,b", "\"", "0.5", "253402300799")
	f.Add("a/b", "", "5", "1")
	f.Add("u", "m", "5.0000000000000001", "1")
	f.Add("u", "m", "3.50", "1")
	f.Add("u", "m", "1e-400", "+5")
	f.Add("u", "m", "0x1p1", "9223372036854775807")
	f.Add("u", "m", "NaN", "")
	f.Fuzz(func(t *testing.T, user, movie, stars, seconds string) {
		var b bytes.Buffer
		b.WriteString(header)
		w := csv.NewWriter(&b)
		if w.Write([]string{user, movie, stars, seconds}) != nil || strings.ContainsAny(user+movie+stars+seconds, "\r") {
			return // csv itself turns \r\n within a field into \n
		}
		w.Flush()
		if user+movie+stars+seconds == "" {
			return
		}
		events, err := scan(t, b.String())
		for _, column := range []struct {
			name string
			fine bool
		}{{"userId", isKeyPart(user)}, {"movieId", isKeyPart(movie)}, {"rating", isHalfStars(stars)}, {"timestamp", isSeconds(seconds)}} {
			if !column.fine {
				require.ErrorContains(t, err, "line 2: "+column.name, "the first column that is wrong is named")
				require.Empty(t, events)
				return
			}
		}
		require.NoError(t, err)
		twice, _ := new(big.Rat).SetString(stars)
		twice.Mul(twice, big.NewRat(2, 1))
		at, _ := strconv.ParseInt(seconds, 10, 64)
		require.Equal(t, []Event{{Type: "rating", EventID: events[0].EventID, UserID: user, MovieID: movie, Score: int(twice.Num().Int64()), OccurredAt: at * 1000}}, events)
		again, err := scan(t, b.String())
		require.NoError(t, err)
		require.Equal(t, events, again, "the same line has the same id")
	})
}

func isKeyPart(s string) bool { code, _ := domain.ValidateKeyPart(s); return code == "" }

func isHalfStars(s string) bool {
	if digits := strings.Replace(s, ".", "", 1); strings.Trim(digits, "0123456789") != "" || digits == "" || s[0] == '.' {
		return false
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return false
	}
	r.Mul(r, big.NewRat(2, 1))
	return r.IsInt() && r.Sign() > 0 && r.Cmp(big.NewRat(domain.MaxScore, 1)) <= 0
}

func isSeconds(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n >= 1 && n <= domain.LastInstant/1000
}
