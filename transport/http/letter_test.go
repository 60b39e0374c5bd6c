package edge_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"ugc/transport/http/auth"
)

// written is a token of exactly these texts, signed.
func written(header, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return text + "." + base64.RawURLEncoding.EncodeToString(must(jwt.SigningMethodRS256.Sign(text, signer)))
}

// Tokens to the letter of their RFCs: each is signed by the right key.
func TestTokensToTheLetter(t *testing.T) {
	s, _ := guarded(t, auth.Options{Services: []string{"importer"}})
	const header = `{"alg":"RS256","kid":"one","typ":"JWT"}`
	exp := time.Now().Add(time.Hour).Unix()
	claims := func(more string) string {
		return fmt.Sprintf(`{"sub":"ann","iss":"https://id.example","aud":"ugc","exp":%d%s}`, exp, more)
	}
	replaced := func(old, by string) string { return strings.Replace(claims(""), old, by, 1) }
	headed := func(more string) string { return `{"alg":"RS256","kid":"one"` + more + `}` }
	for name, c := range map[string]struct {
		header, claims string
		want           int
	}{
		"as it should be":                           {header, claims(""), 200},
		"7515 4.1.11: crit":                         {headed(`,"crit":["exp"]`), claims(""), 401},
		"7515 4.1.11: empty crit":                   {headed(`,"crit":[]`), claims(""), 401},
		"7797 6: b64":                               {headed(`,"crit":["b64"],"b64":false`), claims(""), 401},
		"7515 4: header name twice":                 {headed(`,"kid":"one"`), claims(""), 401},
		"7515 4: header is no object":               {`["RS256"]`, claims(""), 401},
		"7515 4: names have case":                   {`{"ALG":"RS256","kid":"one"}`, claims(""), 401},
		"7515 4.1.4: kid is a string":               {`{"alg":"RS256","kid":1}`, claims(""), 401},
		"7515 4.1.4: no kid":                        {`{"alg":"RS256"}`, claims(""), 200},
		"7519 5.1: no typ":                          {headed(``), claims(""), 200},
		"7519 5.1: jwt in small letters":            {headed(`,"typ":"jwt"`), claims(""), 200},
		"7515 4.1.9: whole media type":              {headed(`,"typ":"application/JWT"`), claims(""), 200},
		"9068 2.1: at+jwt":                          {headed(`,"typ":"at+jwt"`), claims(""), 200},
		"9068 2.1: application/at+jwt":              {headed(`,"typ":"application/at+jwt"`), claims(""), 200},
		"8725 3.11: logout+jwt":                     {headed(`,"typ":"logout+jwt"`), claims(""), 401},
		"8725 3.11: dpop+jwt":                       {headed(`,"typ":"dpop+jwt"`), claims(""), 401},
		"8725 3.11: another tree":                   {headed(`,"typ":"text/jwt"`), claims(""), 401},
		"8725 3.11: typ is empty":                   {headed(`,"typ":""`), claims(""), 401},
		"7515 4.1.9: typ is a string":               {headed(`,"typ":["JWT"]`), claims(""), 401},
		"7519 4: claim twice":                       {header, claims(`,"sub":"bob"`), 401},
		"7519 4: claim twice, escaped":              {header, claims(`,"s\u0075b":"bob"`), 401},
		"7519 4: inner name twice":                  {header, claims(`,"act":{"sub":"a","sub":"b"}`), 401},
		"7519 4: inner name twice in an array":      {header, claims(`,"x":[1,{"y":{"a":1,"a":2}}]`), 401},
		"7519 4.1.2: SUB is no sub":                 {header, claims(`,"SUB":"bob"`), 200},
		"7519 4.1.2: SUB alone":                     {header, replaced(`"sub"`, `"SUB"`), 401},
		"7519 4.1.4: EXP alone":                     {header, replaced(`"exp"`, `"EXP"`), 401},
		"8693 4.2: SCOPE is no scope":               {header, claims(`,"SCOPE":"ugc:read"`), 200},
		"8693 4.3: CLIENT_ID is no client_id":       {header, strings.Replace(claims(`,"scope":"ugc:read","CLIENT_ID":"importer"`), `"sub":"ann",`, ``, 1), 401},
		"8259 8.1: not UTF-8":                       {header, replaced("ann", "a\xffn"), 401},
		"8259 8.2: half of a pair":                  {header, replaced("ann", `a\ud800n`), 401},
		"8259 8.2: the other half":                  {header, replaced("ann", `a\udc00n`), 401},
		"8259 8.2: a pair in the wrong order":       {header, replaced("ann", `\udc00\ud800`), 401},
		"8259 8.2: half of a pair in another claim": {header, claims(`,"x":"\uD800"`), 401},
		"8259 8.2: a pair":                          {header, claims(`,"name":"\ud83d\ude00 \\ud800"`), 200},
		"7519 7.2: claims are an object":            {header, `null`, 401},
		"7519 7.2: claims are one object":           {header, claims("") + "{}", 401},
		"7519 4.1.2: sub is a string":               {header, replaced(`"ann"`, `7`), 401},
		"7519 4.1.2: sub is not null":               {header, replaced(`"ann"`, `null`), 401},
		"7519 4.1.3: aud is of strings":             {header, replaced(`"ugc"`, `["ugc",null]`), 401},
		"7519 4.1.3: aud of several":                {header, replaced(`"ugc"`, `["shop","ugc"]`), 200},
		"7519 4.1.3: aud has case":                  {header, replaced(`"ugc"`, `"UGC"`), 401},
		"7519 4.1.1: iss has case":                  {header, replaced(`https://id`, `https://ID`), 401},
		"7519 2: exp is a number":                   {header, replaced(fmt.Sprint(exp), `"`+fmt.Sprint(exp)+`"`), 401},
		"7519 2: exp may have a fraction":           {header, replaced(fmt.Sprint(exp), fmt.Sprint(exp)+".5"), 200},
		"7519 2: exp is no end of time":             {header, replaced(fmt.Sprint(exp), `1e300`), 401},
		"7519 4.1.5: nbf is a number":               {header, claims(`,"nbf":"0"`), 401},
		"8693 4.2: scope is a string":               {header, claims(`,"scope":["ugc:read"]`), 401},
		"9068 2.2: client_id is a string":           {header, claims(`,"client_id":7`), 401},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.ask("GET", "/api/v2/users/ann/positions", "", bearer(written(c.header, c.claims))...)
			require.Equal(t, c.want, a.status, a.body)
			require.GreaterOrEqual(t, s.ask("GET", "/api/v2/users/bob/positions", "", bearer(written(c.header, c.claims))...).status, 401)
		})
	}
}
