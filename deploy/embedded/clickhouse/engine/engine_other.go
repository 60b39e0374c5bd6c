//go:build !linux || !amd64

package engine

// Engine cannot be had on this platform.
type Engine struct{}

// Open returns ErrPlatform.
func Open(Options) (*Engine, error) { return nil, ErrPlatform }

// Session returns ErrPlatform.
func (*Engine) Session() (Session, error) { return nil, ErrPlatform }

// Close does nothing.
func (*Engine) Close() {}
