package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ugc/deploy/real/realtest"
)

// documentsOn is the setting that keeps the documents in a database of an engine.
func documentsOn(t *testing.T, uri, database string) string {
	t.Helper()
	u, err := url.Parse(uri)
	require.NoError(t, err)
	u.Path = "/" + database
	return "UGC_DOCUMENTS=" + u.String()
}

// TestTheMainJobWithDocumentsInMongo is TestTheMainJob with the documents on a server behind the MongoDB protocol that dies, too.
func TestTheMainJobWithDocumentsInMongo(t *testing.T) {
	engine := realtest.StartMongo(t)
	s := start(t, t.TempDir(), documentsOn(t, engine.URI(), "ugc"))
	token := s.postJob()
	s.checkJob("at once", token)

	engine.Kill(t, "all")
	a := s.call(http.MethodGet, "/api/v2/users/ann/ratings", "")
	require.Equal(t, http.StatusServiceUnavailable, a.status, "%s", a.body)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.Equal(t, http.StatusServiceUnavailable, s.call(http.MethodGet, "/healthz/ready", "").status)
	a = s.call(http.MethodPut, "/api/v2/users/cleo/ratings/heat", `{"score":8}`)
	require.Equal(t, http.StatusAccepted, a.status, "writes need the log alone: %s", a.body)
	engine.Restart(t)
	s.await("the view has what was accepted meanwhile", func() bool {
		a, err := s.try(http.MethodGet, "/api/v2/users/cleo/ratings", "")
		return err == nil && a.status == http.StatusOK && len(a.json(t)["items"].([]any)) == 1
	})
	s.call(http.MethodDelete, "/api/v2/users/cleo/ratings/heat", "", "Prefer", "wait=20")
	s.auditIsClean()
	require.Zero(t, s.stop(), "a clean stop")

	out, code := s.command("init", "--dry-run")
	require.Zero(t, code, out)
	require.NotContains(t, out, "MongoDB", "nothing is left to do")
	s.start()
	s.auditIsClean()
}

// TestInitOfMongo makes what the service would make, and says so before.
func TestInitOfMongo(t *testing.T) {
	env := environ(t, t.TempDir(), documentsOn(t, realtest.MongoURI(t), "init"))
	for _, c := range []struct {
		line  []string
		there bool
	}{{[]string{"init", "--dry-run"}, true}, {[]string{"init"}, true}, {[]string{"init"}, false}, {[]string{"init", "--dry-run"}, false}} {
		out, code := runCommand(t, env, c.line...)
		require.Zero(t, code, "%v: %s", c.line, out)
		for _, what := range []string{"MongoDB: collection init.ratings__g1", "MongoDB: index by_user of init.likes__g1", "MongoDB: view movie_summaries as movie_summaries__g1"} {
			if c.there {
				require.Contains(t, out, what, "%v", c.line)
			} else {
				require.NotContains(t, out, "MongoDB", "%v", c.line)
			}
		}
		require.NotContains(t, out, "ugc-secret")
	}
}

// TestViewersAndAuditWithDocumentsInMongo lets simulated viewers compare all they read, kills the engine meanwhile, and then alters a document by hand.
func TestViewersAndAuditWithDocumentsInMongo(t *testing.T) {
	engine := realtest.StartMongo(t)
	s := start(t, t.TempDir(), documentsOn(t, engine.URI(), "ugc"))
	load := make(chan string)
	go func() {
		out, code := s.command("load", "--url", "http://"+s.addr, "--events", "6000", "--connections", "8", "--patience", "3m")
		load <- fmt.Sprintf("%s\nexit %d", out, code)
	}()
	engine.Kill(t, "postgres")
	engine.Restart(t)
	engine.Kill(t, "all")
	engine.Restart(t)
	out := <-load
	require.Contains(t, out, "\nexit 0", out)
	t.Log(out)
	s.auditIsClean()

	client, err := mongo.Connect(context.Background(), options.Client().ApplyURI(engine.URI()))
	require.NoError(t, err)
	defer func() { _ = client.Disconnect(context.Background()) }()
	var d struct {
		ID string `bson:"_id"`
	}
	ratings := client.Database("ugc").Collection("ratings__g1")
	require.NoError(t, ratings.FindOneAndUpdate(t.Context(), bson.D{{Key: "deleted", Value: false}}, bson.D{{Key: "$set", Value: bson.D{{Key: "score", Value: int32(77)}}}}).Decode(&d))
	out, code := s.command("audit", "--wait", "20s")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, ": different, key "+d.ID+", is value=77", out)
}
