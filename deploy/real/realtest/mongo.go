package realtest

import (
	"os"
	"sync"
	"testing"
)

const mongoScript = "mongo.sh"

// Mongo is an engine behind the MongoDB protocol.
type Mongo struct {
	held *held
	uri  string
}

// StartMongo starts an engine that ends with the test, data and all.
func StartMongo(t testing.TB) *Mongo {
	t.Helper()
	Need(t, mongoScript)
	m, err := startMongo()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.held.release(); err != nil {
			t.Errorf("stop mongo: %v", err)
		}
	})
	return m
}

func startMongo() (*Mongo, error) {
	h, err := hold(mongoScript, []string{"UGC_REAL_MONGO_PORT=0", "UGC_REAL_MONGO_BUFFERS=64MB"})
	if err != nil {
		return nil, err
	}
	return &Mongo{held: h, uri: h.said}, nil
}

// sharedMongo lives as long as the process.
var sharedMongo = sync.OnceValues(startMongo)

// EnvMongo names a server, by mongodb://…, to test with instead of starting an engine. Tests that kill theirs start one all the same.
const EnvMongo = "UGC_TEST_MONGO"

// MongoURI is the address of an engine that all tests of a package share: databases need names of their own.
func MongoURI(t testing.TB) string {
	t.Helper()
	if uri := os.Getenv(EnvMongo); uri != "" {
		return uri
	}
	Need(t, mongoScript)
	m, err := sharedMongo()
	if err != nil {
		t.Fatal(err)
	}
	return m.uri
}

// URI is mongodb://user:password@127.0.0.1:port/?directConnection=true.
func (m *Mongo) URI() string { return m.uri }

// Kill ends it at once, as kill -9 does: "all" of it, or only "postgres" (what stores) or "ferretdb" (what speaks the protocol).
func (m *Mongo) Kill(t testing.TB, who string) {
	t.Helper()
	m.held.tell(t, mongoScript, "kill", who)
}

// Restart brings back what was killed, and returns when it answers.
func (m *Mongo) Restart(t testing.TB) {
	t.Helper()
	m.held.tell(t, mongoScript, "start")
}
