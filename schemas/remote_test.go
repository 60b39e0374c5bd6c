package schemas

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"ugc/domain"
)

func connect(t *testing.T, r Remote) Registry {
	reg, err := Connect(r)
	require.NoError(t, err)
	return reg
}

func TestRemoteRegistry(t *testing.T) {
	fake := srfake.New(srfake.WithAuth("Basic " + base64.StdEncoding.EncodeToString([]byte("ugc:secret"))))
	defer fake.Close()
	withUser := strings.Replace(fake.URL(), "http://", "http://ugc:secret@", 1)
	for name, r := range map[string]Remote{
		"user in the address": {URL: withUser},
		"user beside it":      {URL: fake.URL(), User: "ugc", Password: "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			reg := connect(t, r)
			require.Equal(t, fake.URL(), reg.Name(), "no secrets")
			c, err := New(t.Context(), options(t, reg))
			require.NoError(t, err)
			b, err := c.EncodeCommand(sampleCommands()[0])
			require.NoError(t, err)
			got, err := c.DecodeCommand(b)
			require.NoError(t, err)
			require.Equal(t, sampleCommands()[0], got)
			for i, s := range All() {
				text, err := reg.SchemaByID(t.Context(), int(c.ids[i]))
				require.NoError(t, err)
				require.Equal(t, s.Text, text)
				texts, err := reg.Versions(t.Context(), s.Subject)
				require.NoError(t, err)
				require.Equal(t, []string{s.Text}, texts)
				client := reg.(*remote).client
				require.Equal(t, sr.CompatFullTransitive, client.Compatibility(t.Context(), s.Subject)[0].Level)
			}
		})
	}
	_, err := New(t.Context(), options(t, connect(t, Remote{URL: fake.URL(), User: "ugc", Password: "wrong"})))
	require.Equal(t, domain.Internal, domain.KindOf(err))
	require.ErrorContains(t, err, "user and password")
	require.NotContains(t, err.Error(), "wrong")
}

func TestWhatAnswersOfARegistryMean(t *testing.T) {
	fake := srfake.New()
	defer fake.Close()
	reg := connect(t, Remote{URL: fake.URL(), Identity: "embedded"})
	require.Equal(t, "embedded", reg.Name())
	for status, kind := range map[int]domain.Kind{
		400: domain.Internal, 401: domain.Internal, 403: domain.Internal, 404: domain.NotFound, 408: domain.Unavailable, 409: domain.Conflict,
		422: domain.Internal, 429: domain.Unavailable, 500: domain.Unavailable, 503: domain.Unavailable,
	} {
		fake.ClearInterceptors()
		fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, `{"error_code": 1, "message": "because"}`, status)
			return true
		})
		_, err := reg.Register(t.Context(), "subject", `"string"`)
		require.Equal(t, kind, domain.KindOf(err), "%d", status)
		require.ErrorContains(t, err, "because")
		_, err = reg.SchemaByID(t.Context(), 1)
		require.Equal(t, kind, domain.KindOf(err), "%d", status)
		_, err = reg.Versions(t.Context(), "subject")
		require.Equal(t, kind, domain.KindOf(err), "%d", status)
		require.Equal(t, kind, domain.KindOf(reg.RequireCompatibility(t.Context(), "subject")), "%d", status)
	}
	fake.ClearInterceptors()
	fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for range maxAnswer>>20 + 1 {
			_, _ = w.Write(chunk)
		}
		return true
	})
	_, err := reg.SchemaByID(t.Context(), 1)
	require.ErrorContains(t, err, "too large", "an endless answer must not fill the memory")

	fake.Close()
	_, err = reg.SchemaByID(t.Context(), 1)
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
}

func TestAddressesOfRegistriesAreChecked(t *testing.T) {
	for _, url := range []string{"", "localhost:8081", "ftp://host", "http://", "http://u:hidden@%zz"} {
		_, err := Connect(Remote{URL: url})
		require.Equal(t, domain.Invalid, domain.KindOf(err), url)
		require.NotContains(t, err.Error(), "hidden")
	}
}
