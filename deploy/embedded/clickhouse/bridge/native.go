package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"ugc/deploy/embedded/clickhouse/engine"
)

// helloQuery is what clickhouse-go asks first on every connection.
const helloQuery = "SELECT displayName(), version(), revision(), timezone()"

func (q *request) isHello() bool { return q.statement.text == helloQuery && q.format == "Native" }

// server is what the engine says of itself.
type server struct{ name, version, timezone string }

func askServer(open func() (engine.Session, error)) (server, error) {
	s, err := open()
	if err != nil {
		return server{}, err
	}
	defer s.Close()
	out, err := s.Query("SELECT displayName(), version(), timezone()", "TSVRaw", nil)
	if err != nil {
		return server{}, fmt.Errorf("ask the engine for its version: %w", err)
	}
	f := strings.Split(strings.TrimSpace(string(out)), "\t")
	if len(f) != 3 {
		return server{}, fmt.Errorf("ask the engine for its version: unexpected answer %q", out)
	}
	return server{f[0], f[1], f[2]}, nil
}

// hello answers the driver's first question with protocol revision 0, the only one whose Native blocks the library
// writes. The driver reads this block at its own revision and all later ones at the revision that the block names.
func (s server) hello(w io.Writer) error {
	var b proto.Buffer
	b.PutUVarInt(1) // block info: field 1, is_overflows
	b.PutBool(false)
	b.PutUVarInt(2) // field 2, bucket_num
	b.PutInt32(-1)
	b.PutUVarInt(0) // end of fields
	b.PutUVarInt(4) // columns
	b.PutUVarInt(1) // rows
	column := func(name, kind string) {
		b.PutString(name)
		b.PutString(kind)
		b.PutBool(false) // no custom serialization
	}
	column("displayName()", "String")
	b.PutString(s.name)
	column("version()", "String")
	b.PutString(s.version)
	column("revision()", "UInt32")
	b.PutUInt32(0)
	column("timezone()", "String")
	b.PutString(s.timezone)
	_, err := w.Write(b.Buf)
	return err
}

// describeFields is how many strings DESCRIBE answers for a column: name, type and five more.
const describeFields = 7

// emptyBlock turns the RowBinary answer of a DESCRIBE into a Native block of these columns without rows.
func emptyBlock(describe []byte) ([]byte, error) {
	r := proto.NewReader(bytes.NewReader(describe))
	var columns proto.Buffer
	var n uint64
	for ; ; n++ {
		var field [describeFields]string
		for i := range field {
			var err error
			if field[i], err = r.Str(); err != nil {
				if i == 0 && errors.Is(err, io.EOF) {
					var head proto.Buffer
					head.PutUVarInt(n)
					head.PutUVarInt(0)
					return append(head.Buf, columns.Buf...), nil
				}
				return nil, fmt.Errorf("column %d: %w", n, err)
			}
		}
		columns.PutString(field[0])
		columns.PutString(field[1])
	}
}
