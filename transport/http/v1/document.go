package v1

import _ "embed"

// Document is the OpenAPI 3.0.2 description of this version, with the operation ids that clients generated from movies_ugc know.
//
//go:embed openapi.json
var Document []byte
