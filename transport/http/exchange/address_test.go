package exchange

import (
	"net"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

func TestAddressOfTheClient(t *testing.T) {
	const xff, fwd = HeaderForwardedFor, HeaderForwarded
	for name, c := range map[string]struct {
		header, remote string
		sent           []string // header and value in turn
		want           string
	}{
		"no proxy":                       {xff, "192.0.2.9", nil, "192.0.2.9"},
		"a stranger's word":              {xff, "192.0.2.9", []string{xff, "192.0.2.1"}, "192.0.2.9"},
		"the proxy's word":               {xff, "10.0.0.7", []string{xff, "192.0.2.1"}, "192.0.2.1"},
		"the proxy says nothing":         {xff, "10.0.0.7", nil, "10.0.0.7"},
		"the right-most":                 {xff, "10.0.0.7", []string{xff, "192.0.2.66, 192.0.2.1"}, "192.0.2.1"},
		"past two proxies":               {xff, "10.0.0.7", []string{xff, "192.0.2.66, 192.0.2.1, 10.1.2.3"}, "192.0.2.1"},
		"past one that is not trusted":   {xff, "10.0.0.7", []string{xff, "192.0.2.66, 198.51.100.1"}, "198.51.100.1"},
		"proxies alone":                  {xff, "10.0.0.7", []string{xff, "10.1.2.3, 10.0.0.9"}, "10.1.2.3"},
		"two lines":                      {xff, "10.0.0.7", []string{xff, "192.0.2.66", xff, "192.0.2.1,10.0.0.9"}, "192.0.2.1"},
		"no address":                     {xff, "10.0.0.7", []string{xff, "192.0.2.66, evil, 10.0.0.9"}, "10.0.0.9"},
		"a port":                         {xff, "10.0.0.7", []string{xff, "192.0.2.1:4711"}, "192.0.2.1"},
		"IPv6":                           {xff, "fd00::7", []string{xff, "2001:db8::1"}, "2001:db8::1"},
		"IPv6 with a port":               {xff, "fd00::7", []string{xff, "[2001:db8::1]:4711"}, "2001:db8::1"},
		"IPv4 within IPv6":               {xff, "::ffff:10.0.0.7", []string{xff, "::ffff:192.0.2.1"}, "192.0.2.1"},
		"the other header":               {xff, "10.0.0.7", []string{fwd, "for=192.0.2.66"}, "10.0.0.7"},
		"the other header beside it":     {xff, "10.0.0.7", []string{fwd, "for=192.0.2.66", xff, "192.0.2.1"}, "192.0.2.1"},
		"Forwarded":                      {fwd, "10.0.0.7", []string{fwd, "for=192.0.2.66, proto=https;For=192.0.2.1;by=10.0.0.7"}, "192.0.2.1"},
		"Forwarded, quoted with a port":  {fwd, "10.0.0.7", []string{fwd, `for="[2001:db8::1]:4711"`}, "2001:db8::1"},
		"Forwarded, hidden":              {fwd, "10.0.0.7", []string{fwd, "for=192.0.2.66, for=_hidden, for=10.0.0.9"}, "10.0.0.9"},
		"Forwarded, unknown":             {fwd, "10.0.0.7", []string{fwd, "for=unknown"}, "10.0.0.7"},
		"X-Forwarded-For where not said": {fwd, "10.0.0.7", []string{xff, "192.0.2.66"}, "10.0.0.7"},
		"more hops than are followed":    {xff, "10.0.0.7", []string{xff, "192.0.2.66" + strings.Repeat(", 10.0.0.9", 40)}, "10.0.0.9"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewProxies([]string{"10.0.0.0/8", "fd00::7"}, c.header)
			require.NoError(t, err)
			app := fiber.New()
			var r fasthttp.RequestCtx
			r.Init(new(fasthttp.Request), &net.TCPAddr{IP: net.ParseIP(c.remote)}, nil)
			for i := 0; i < len(c.sent); i += 2 {
				r.Request.Header.Add(c.sent[i], c.sent[i+1])
			}
			ctx := app.AcquireCtx(&r)
			defer app.ReleaseCtx(ctx)
			p.Find(ctx)
			require.Equal(t, c.want, Address(ctx).String())
		})
	}
}

func TestProxiesThatCannotBeTrusted(t *testing.T) {
	for _, trusted := range []string{"", "nginx", "0.0.0.0/0", "::/0", "10.0.0.0/33", "::ffff:10.0.0.0/104"} {
		_, err := NewProxies([]string{trusted}, "")
		require.Error(t, err, trusted)
	}
	_, err := NewProxies(nil, "X-Real-IP")
	require.ErrorContains(t, err, "X-Forwarded-For")
}
