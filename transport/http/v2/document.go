package v2

import _ "embed"

// Document is the OpenAPI 3.1 description of this version. A test holds it to the routes, and every answer of the tests to it.
//
//go:embed openapi.json
var Document []byte
