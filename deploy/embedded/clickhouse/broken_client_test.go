package clickhouse_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/embedded/clickhouse"
)

const rawTable = "CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a"

func dialShared(t *testing.T) net.Conn {
	t.Helper()
	conn, err := sharedEngine(t).DialContext(t.Context(), clickhouse.Addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A client that dies in the middle of its rows leaves none of them.
func TestCutInsertLeavesNothing(t *testing.T) {
	conn := connect(t)
	execute(t, conn, rawTable)
	raw := dialShared(t)
	rows := strings.Repeat("1\n2\n3\n", 1000)
	_, err := fmt.Fprintf(raw, "POST /?database=test_%s&query=%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n",
		t.Name(), url.QueryEscape("INSERT INTO t FORMAT TSV"), len(rows), rows)
	require.NoError(t, err)
	spooled := func() int {
		files, err := filepath.Glob(filepath.Join(shared.dir, "spool", "rows-*"))
		require.NoError(t, err)
		return len(files)
	}
	require.Eventually(t, func() bool { return spooled() == 1 }, patience, tick, "the insert is under way")
	require.NoError(t, raw.Close())
	require.Eventually(t, func() bool { return spooled() == 0 }, patience, tick)
	require.Zero(t, count(t, conn, "SELECT count() FROM t"))
}

// Rows that are not what they claim to be are refused with an exception and leave nothing.
func TestGarbledRowsLeaveNothing(t *testing.T) {
	conn := connect(t)
	execute(t, conn, rawTable)
	native := "\x01\x02\x01a\x06UInt32" // one column, two rows
	for name, body := range map[string]string{
		"no rows behind the head": native,
		"half a value":            native + "\x01\x00\x00\x00\x02",
		"wrong type":              "\x01\x01\x01a\x04Nope\x00",
		"endless counts":          strings.Repeat("\xff", 64),
		"text":                    "SELECT 1",
	} {
		raw := dialShared(t)
		r, err := http.NewRequest(http.MethodPost, "http://x/?database=test_"+t.Name()+"&query="+url.QueryEscape("INSERT INTO t FORMAT Native"), strings.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, r.Write(raw))
		answer, err := http.ReadResponse(bufio.NewReader(raw), r)
		require.NoError(t, err, name)
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NotEqual(t, http.StatusOK, answer.StatusCode, name)
		require.Regexp(t, `^Code: \d+\. DB::`, string(text), name)
	}
	require.Zero(t, count(t, conn, "SELECT count() FROM t"))
}
