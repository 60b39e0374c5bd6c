package exchange

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Proxies are the proxies whose word about a client's address counts. The zero value trusts nobody: a client is who holds the connection.
type Proxies struct {
	nets      []netip.Prefix
	forwarded bool // they say it by Forwarded (RFC 7239), otherwise by X-Forwarded-For
}

// The headers by which a proxy names its client. Only one of them counts: a proxy that sets one passes on what a client sends as the other.
const (
	HeaderForwarded    = "Forwarded"
	HeaderForwardedFor = "X-Forwarded-For"
)

// maxHops bounds how many proxies are passed over on the way to the client.
const maxHops = 32

// NewProxies trusts addresses and networks such as 10.0.0.7 and 10.0.0.0/8.
func NewProxies(trusted []string, header string) (Proxies, error) {
	var p Proxies
	switch {
	case strings.EqualFold(header, HeaderForwarded):
		p.forwarded = true
	case header != "" && !strings.EqualFold(header, HeaderForwardedFor):
		return p, fmt.Errorf("%q names no client: choose from %s and %s", header, HeaderForwardedFor, HeaderForwarded)
	}
	for _, text := range trusted {
		network, err := netip.ParsePrefix(text)
		if addr, e := netip.ParseAddr(text); e == nil {
			network, err = addr.Unmap().Prefix(addr.Unmap().BitLen())
		}
		if err != nil || network.Addr().Is4In6() {
			return p, fmt.Errorf("%q is no address or network: write 10.0.0.7 or 10.0.0.0/8", text)
		}
		if network.Bits() == 0 {
			return p, fmt.Errorf("%q trusts everybody: name the proxies", text)
		}
		p.nets = append(p.nets, network.Masked())
	}
	return p, nil
}

func (p Proxies) trust(a netip.Addr) bool {
	for _, n := range p.nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// Find keeps the address of the client, where a trusted proxy says it. It is the right-most one that is no trusted proxy: whatever stands
// left of it came from outside.
func (p Proxies) Find(c *fiber.Ctx) {
	if len(p.nets) == 0 {
		return
	}
	at := remote(c)
	if !p.trust(at) {
		return
	}
	header, read := HeaderForwardedFor, addressOf
	if p.forwarded {
		header, read = HeaderForwarded, forwardedFor
	}
	lines := c.Request().Header.PeekAll(header)
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := string(lines[i]); rest != ""; hops++ {
			var last string
			if cut := strings.LastIndexByte(rest, ','); cut >= 0 {
				rest, last = rest[:cut], rest[cut+1:]
			} else {
				rest, last = "", rest
			}
			next, ok := read(strings.TrimSpace(last))
			if !ok || hops == maxHops { // the last proxy that is known is to blame
				c.Locals(keyAddress, at)
				return
			}
			if at = next; !p.trust(at) {
				c.Locals(keyAddress, at)
				return
			}
		}
	}
	c.Locals(keyAddress, at)
}

// Address is where the client is, as Find found it, or who holds the connection.
func Address(c *fiber.Ctx) netip.Addr {
	if a, ok := c.Locals(keyAddress).(netip.Addr); ok {
		return a
	}
	return remote(c)
}

func remote(c *fiber.Ctx) netip.Addr {
	a, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return a.Unmap()
}

// addressOf reads an address, with or without a port and brackets.
func addressOf(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddrPort(text)
	return a.Addr().Unmap().WithZone(""), err == nil
}

// forwardedFor reads the for parameter of one element of Forwarded (RFC 7239, section 4). An obfuscated name or "unknown" is no address.
func forwardedFor(element string) (netip.Addr, bool) {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(strings.TrimSpace(name), "for") {
			return addressOf(strings.Trim(strings.TrimSpace(value), `"`))
		}
	}
	return netip.Addr{}, false
}
