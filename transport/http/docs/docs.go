// Package docs serves the descriptions of the API and pages that show them, all from the program itself: nothing is fetched from elsewhere.
package docs

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"

	"github.com/gofiber/fiber/v2"
	swagger "github.com/swaggo/files/v2"

	"ugc/transport/http/problem"
	v1 "ugc/transport/http/v1"
	v2 "ugc/transport/http/v2"
)

//go:embed static templates
var files embed.FS

// assets are the files that pages load: ours, and Swagger UI's.
var assets = map[string]struct{ from, contentType string }{
	"page.css":             {"static/page.css", "text/css; charset=utf-8"},
	"explore.js":           {"static/explore.js", "text/javascript; charset=utf-8"},
	"swagger-ui.css":       {"", "text/css; charset=utf-8"},
	"swagger-ui-bundle.js": {"", "text/javascript; charset=utf-8"},
	"favicon-32x32.png":    {"", "image/png"},
}

// Pages are all pages, made once.
type Pages struct {
	assets   map[string]asset
	landing  *template.Template
	problems []byte
	one      map[string][]byte // problems by code
	v1, v2   map[string]page
}

type asset struct {
	body        []byte
	contentType string
}

type page = asset

const html = "text/html; charset=utf-8"

// New renders the pages.
func New() (*Pages, error) {
	p := &Pages{assets: map[string]asset{}, one: map[string][]byte{}}
	for name, a := range assets {
		var body []byte
		var err error
		if a.from != "" {
			body, err = files.ReadFile(a.from)
		} else {
			body, err = fs.ReadFile(swagger.FS, name)
		}
		if err != nil {
			return nil, fmt.Errorf("read asset %s: %w", name, err)
		}
		p.assets[name] = asset{body, a.contentType}
	}
	t, err := template.ParseFS(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse pages: %w", err)
	}
	render := func(name string, data any) []byte {
		var b bytes.Buffer
		if e := t.ExecuteTemplate(&b, name, data); e != nil && err == nil {
			err = fmt.Errorf("render %s: %w", name, e)
		}
		return b.Bytes()
	}
	explore := func(title, document string) page {
		return page{render("explore.html", map[string]string{"Title": title, "Document": document}), html}
	}
	read1, err1 := readReference(v1.Document)
	if err1 != nil {
		return nil, fmt.Errorf("read /api/v1's document: %w", err1)
	}
	p.landing = t.Lookup("landing.html")
	p.problems = render("problems.html", problem.Kinds())
	for _, k := range problem.Kinds() {
		p.one[k.Code] = render("problems.html", []problem.Kind{k})
	}
	p.v1 = map[string]page{
		"openapi.json": {v1.Document, fiber.MIMEApplicationJSON},
		"openapi":      explore("UGC service", v1.Prefix+"/openapi.json"),
		"redoc":        {render("reference.html", read1), html},
	}
	p.v2 = map[string]page{
		"openapi.json": {v2.Document, fiber.MIMEApplicationJSON},
		"docs":         explore("ugc", v2.Prefix+"/openapi.json"),
	}
	return p, err
}

// policy lets pages load nothing but what this server serves, and talk to nobody else. Swagger UI sets styles on elements and shows images from data URLs.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func send(c *fiber.Ctx, a asset) error {
	c.Set(fiber.HeaderContentType, a.contentType)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	if a.contentType == html {
		c.Set(fiber.HeaderContentSecurityPolicy, policy)
	}
	return c.Send(a.body)
}

// V1 serves openapi.json, openapi or redoc.
func (p *Pages) V1(c *fiber.Ctx, name string) error { return send(c, p.v1[name]) }

// V2 serves openapi.json or docs.
func (p *Pages) V2(c *fiber.Ctx, name string) error { return send(c, p.v2[name]) }

// Landing says what is here, and how to begin at the address that was asked.
func (p *Pages) Landing(c *fiber.Ctx) error {
	var b bytes.Buffer
	if err := p.landing.Execute(&b, c.BaseURL()); err != nil {
		return fmt.Errorf("render landing page: %w", err)
	}
	return send(c, asset{b.Bytes(), html})
}

// Problems explains one kind of problem, or all of them.
func (p *Pages) Problems(c *fiber.Ctx) error {
	if code := c.Params("code"); code != "" {
		body, ok := p.one[code]
		if !ok {
			return fiber.ErrNotFound
		}
		return send(c, asset{body, html})
	}
	return send(c, asset{p.problems, html})
}

// Asset serves what pages load.
func (p *Pages) Asset(c *fiber.Ctx) error {
	a, ok := p.assets[c.Params("name")]
	if !ok {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
	return send(c, a)
}
