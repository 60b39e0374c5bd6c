package schemas

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"ugc/domain"
)

// Remote is a registry that speaks the Confluent protocol over HTTP, Confluent's or another.
type Remote struct {
	URL            string      // http or https; user and password in it are taken where the fields below are empty
	Identity       string      // Name of the registry; empty is the URL. Give one where the address changes but the registry does not
	User, Password string      // basic auth, where a user is given
	TLS            *tls.Config // for https; nil is the system's
}

// Connect gives a client for the registry; it does not call it.
func Connect(r Remote) (Registry, error) {
	u, err := url.Parse(r.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, domain.Wrap(domain.Invalid, "schema registry", errors.New("its address must be http://host:port or https://host:port"))
	}
	if u.User != nil && r.User == "" {
		r.User = u.User.Username()
		r.Password, _ = u.User.Password()
	}
	u.User = nil
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = r.TLS
	opts := []sr.ClientOpt{
		sr.URLs(u.String()),
		sr.UserAgent("ugc"),
		sr.HTTPClient(&http.Client{Transport: bounded{transport}, Timeout: time.Minute}), // the context of each call is shorter
	}
	if r.User != "" {
		opts = append(opts, sr.BasicAuth(r.User, r.Password))
	}
	client, err := sr.NewClient(opts...)
	if err != nil {
		return nil, domain.Wrap(domain.Invalid, "schema registry", err)
	}
	return &remote{name: cmp.Or(r.Identity, u.String()), client: client}, nil
}

type remote struct {
	name   string
	client *sr.Client
}

func (r *remote) Name() string { return r.name }

func (r *remote) RequireCompatibility(ctx context.Context, subject string) error {
	results := r.client.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFullTransitive}, subject)
	return kinded(results[0].Err)
}

func (r *remote) Compatibility(ctx context.Context, subject string) (string, error) {
	result := r.client.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), subject)[0]
	if result.Err != nil {
		return "", kinded(result.Err)
	}
	return result.Level.String(), nil
}

func (r *remote) Register(ctx context.Context, subject, text string) (int, error) {
	id, err := r.client.RegisterSchema(ctx, subject, sr.Schema{Schema: text, Type: sr.TypeAvro}, -1, -1)
	return id, kinded(err)
}

func (r *remote) Find(ctx context.Context, subject, text string) (int, error) {
	found, err := r.client.LookupSchema(ctx, subject, sr.Schema{Schema: text, Type: sr.TypeAvro})
	return found.ID, kinded(err)
}

func (r *remote) SchemaByID(ctx context.Context, id int) (string, error) {
	s, err := r.client.SchemaByID(ctx, id)
	return s.Schema, kinded(err)
}

func (r *remote) Versions(ctx context.Context, subject string) ([]string, error) {
	versions, err := r.client.Schemas(ctx, subject)
	if err != nil {
		return nil, kinded(err)
	}
	texts := make([]string, len(versions))
	for i, v := range versions {
		texts[i] = v.Schema.Schema
	}
	return texts, nil
}

// kinded says what the caller can do about an answer of the registry.
func kinded(err error) error {
	var answer *sr.ResponseError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &answer):
		return domain.Wrap(domain.Unavailable, "schema registry", err)
	}
	kind := domain.Internal
	switch code := answer.StatusCode; {
	case code == http.StatusConflict:
		kind = domain.Conflict
	case code == http.StatusNotFound:
		kind = domain.NotFound
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		kind = domain.Unavailable
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return domain.Wrap(domain.Internal, "schema registry", fmt.Errorf("it refuses our user and password (HTTP %d): %w", code, err))
	}
	return domain.Wrap(kind, "schema registry", err)
}

// maxAnswer bounds what is read of one answer; the client itself reads all there is.
const maxAnswer = 8 << 20

type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}
