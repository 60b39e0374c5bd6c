package bridge

import (
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"
)

// The bytes that clickhouse-go v2.50 takes for a server of revision 0.
func TestHello(t *testing.T) {
	_, h := newFake(t)
	w := do(h, http.MethodPost, "/?default_format=Native", helloQuery)
	const want = "010002ffffffff00" + "0401" +
		"0d" + "646973706c61794e616d652829" + "06537472696e67" + "00" + "04" + "66616b65" +
		"09" + "76657273696f6e2829" + "06537472696e67" + "00" + "08" + "32362e372e322e31" +
		"0a" + "7265766973696f6e2829" + "0655496e743332" + "00" + "00000000" +
		"0a" + "74696d657a6f6e652829" + "06537472696e67" + "00" + "03" + "555443"
	require.Equal(t, want, hex.EncodeToString(w.Body.Bytes()))
}

func TestEmptyResultKeepsItsColumns(t *testing.T) {
	f, h := newFake(t)
	var b proto.Buffer
	for _, field := range []string{"id", "UUID", "", "", "", "", "", "n", "Int32", "", "", "", "", ""} {
		b.PutString(field)
	}
	f.describe = b.Buf
	f.stream = func(string, func([]byte) error) error { return nil }
	w := do(h, http.MethodPost, "/?default_format=Native", "SELECT id, n FROM t WHERE 0 ;\n")
	require.Equal(t, "\x02\x00\x02id\x04UUID\x01n\x05Int32", w.Body.String())
	require.Equal(t, []string{"DESCRIBE TABLE (SELECT id, n FROM t WHERE 0\n)"}, f.asked("DESCRIBE"))

	f.describe = b.Buf[:len(b.Buf)-1]
	w = do(h, http.MethodPost, "/?default_format=Native", "SELECT 1 WHERE 0")
	require.Equal(t, http.StatusInternalServerError, w.Code, "a cut description is an error")
	w = do(h, http.MethodPost, "/", "SELECT 1 WHERE 0")
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "0", w.Header().Get("Content-Length"))
}
