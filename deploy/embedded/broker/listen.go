package broker

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// checkLoopback accepts what only this machine can reach: the broker has no authentication.
func checkLoopback(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("embedded broker: address %q is not host:port", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("embedded broker: address %q: port must be 0 to 65535", addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("embedded broker: address %q is not on loopback, and the embedded broker has no authentication: use 127.0.0.1, or a real Kafka (UGC_KAFKA=kafka://…) for other machines", addr)
	}
	return nil
}

// gatedListener is open from the start, so that the port is ours, and accepts once kfake asks.
type gatedListener struct{ net.Listener }

func listen(addr string) (*gatedListener, error) {
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("embedded broker: %s is in use by another program: stop it, or choose another port (UGC_KAFKA=embedded://127.0.0.1:9192), or 0 for any that is free: %w", addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	return &gatedListener{ln}, nil
}

// once hands the listener to kfake in place of one that it would open itself.
func (l *gatedListener) once(string, string) (net.Listener, error) { return l.Listener, nil }
