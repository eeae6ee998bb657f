package httpx

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// ClientAddress is who a request is counted for: an IPv4 address, or the /64 of an IPv6 one, which is what one customer
// has. A proxy on the same machine is believed about whom it speaks for; one elsewhere is counted itself.
func ClientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if forwarded := r.Header.Values("X-Forwarded-For"); addr.IsLoopback() && len(forwarded) > 0 {
		hops := strings.Split(forwarded[len(forwarded)-1], ",")
		if last, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1])); err == nil {
			addr = last
		}
	}
	addr = addr.Unmap()
	if addr.Is4() {
		return addr.String()
	}
	network, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return addr.String()
	}
	return network.String()
}

// Client is a part of an operation's input: who calls.
type Client struct {
	Address string `json:"-"` // as ClientAddress says
}

// Resolve takes the address from the connection.
func (c *Client) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	c.Address = ClientAddress(r)
	return nil
}
