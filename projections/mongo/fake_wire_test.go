package mongo

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/x/mongo/driver/wiremessage"
)

// fakeServer is the edge of the driver: a server that speaks MongoDB's protocol over a socket, does what the store's commands mean to a MongoDB, a
// document at a time, and fails on demand in ways that the real test engine cannot: half-applied bulks, lost replies, step-downs, writes that a
// failover takes back, a sharded cluster. What it knows of MongoDB is what its manual says; only a real one could prove that.
type fakeServer struct {
	addr    string
	sharded bool // a router; else the primary of a replica set
	fakeData

	mu      sync.Mutex
	mishaps []mishap
	log     []bson.Raw // every command but those of the handshake
}

// mishap is what happens to the next command of its name, once.
type mishap struct {
	command string
	// applies says which operations of an update are done all the same; nil: all.
	applies func(i int) bool
	cut     bool   // and then the connection ends, without a reply
	reply   bson.D // or this is the reply
	before  func() // something that others do just before
	after   func() // or just after
}

func startFake(t testing.TB, sharded bool) *fakeServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &fakeServer{addr: l.Addr().String(), sharded: sharded, fakeData: newFakeData()}
	var open sync.WaitGroup
	var conns sync.Map
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Store(c, nil)
			open.Go(func() {
				defer func() { _ = c.Close() }()
				f.serve(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		conns.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		open.Wait()
	})
	return f
}

// uri is the address of one of its databases.
func (f *fakeServer) uri(database string) string {
	if f.sharded {
		return "mongodb://" + f.addr + "/" + database
	}
	return "mongodb://" + f.addr + "/" + database + "?replicaSet=rs"
}

// fail lets the next commands fail, in this order.
func (f *fakeServer) fail(mishaps ...mishap) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mishaps = append(f.mishaps, mishaps...)
}

// commands are those of one name so far.
func (f *fakeServer) commands(name string) (found []bson.Raw) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.log {
		if e, _ := c.IndexErr(0); e.Key() == name {
			found = append(found, c)
		}
	}
	return found
}

func (f *fakeServer) next(name string) (mishap, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, x := range f.mishaps {
		if x.command == name {
			f.mishaps = append(f.mishaps[:i:i], f.mishaps[i+1:]...)
			return x, true
		}
	}
	return mishap{}, false
}

// opQuery is what a driver's first word to an unknown server still is.
const opQuery wiremessage.OpCode = 2004

var errCut = errors.New("the reply is lost")

func (f *fakeServer) serve(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		var head [16]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		size, id, _, opcode, _, _ := wiremessage.ReadHeader(head[:])
		body := make([]byte, size-16)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		command, err := parse(opcode, body)
		if err != nil {
			return
		}
		reply, err := f.answer(command)
		if err != nil {
			return
		}
		raw, err := bson.Marshal(reply)
		if err != nil {
			panic(err)
		}
		if _, err := c.Write(frame(opcode, id, raw)); err != nil {
			return
		}
	}
}

// parse gives a command with the documents that came beside it put into it, as they would be in one document.
func parse(opcode wiremessage.OpCode, b []byte) (bson.Raw, error) {
	if opcode == opQuery { // flags, the name of a collection up to a zero, two numbers, a document
		end := bytes.IndexByte(b[4:], 0)
		if end < 0 || len(b) < 4+end+1+8+5 {
			return nil, errors.New("not a query")
		}
		return bson.Raw(b[4+end+1+8:]), nil
	}
	if opcode != wiremessage.OpMsg {
		return nil, errors.New("not a message")
	}
	_, b, _ = wiremessage.ReadMsgFlags(b)
	var command bson.Raw
	beside := map[string][]bsoncore.Document{}
	for len(b) > 0 {
		kind, rest, _ := wiremessage.ReadMsgSectionType(b)
		b = rest
		switch kind {
		case wiremessage.SingleDocument:
			d, rest, ok := wiremessage.ReadMsgSectionSingleDocument(b)
			if !ok {
				return nil, errors.New("no document")
			}
			command, b = bson.Raw(d), rest
		case wiremessage.DocumentSequence:
			name, docs, rest, ok := wiremessage.ReadMsgSectionDocumentSequence(b)
			if !ok {
				return nil, errors.New("no sequence")
			}
			beside[name], b = docs, rest
		}
	}
	for name, docs := range beside {
		array := bsoncore.NewArrayBuilder()
		for _, d := range docs {
			array.AppendDocument(d)
		}
		whole := append([]byte(nil), command[:len(command)-1]...)
		whole = bsoncore.AppendArrayElement(whole, name, array.Build())
		whole = append(whole, 0)
		binary.LittleEndian.PutUint32(whole, uint32(len(whole)))
		command = whole
	}
	return command, nil
}

func frame(opcode wiremessage.OpCode, to int32, reply []byte) []byte {
	if opcode == opQuery {
		at, b := wiremessage.AppendHeaderStart(nil, 0, to, wiremessage.OpReply)
		b = wiremessage.AppendReplyFlags(b, 0)
		b = wiremessage.AppendReplyCursorID(b, 0)
		b = wiremessage.AppendReplyStartingFrom(b, 0)
		b = wiremessage.AppendReplyNumberReturned(b, 1)
		b = append(b, reply...)
		return bsoncore.UpdateLength(b, at, int32(len(b)))
	}
	at, b := wiremessage.AppendHeaderStart(nil, 0, to, wiremessage.OpMsg)
	b = wiremessage.AppendMsgFlags(b, 0)
	b = wiremessage.AppendMsgSectionType(b, wiremessage.SingleDocument)
	b = append(b, reply...)
	return bsoncore.UpdateLength(b, at, int32(len(b)))
}
