package httpx

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// ClientAddress is who a request is counted for: an IPv4 address, or the /64 of an IPv6 one, which is what one customer
// has. Whom proxies speak for is Forwarded's to find out.
func ClientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
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

// Forwarded puts the address of whoever asks in place of that of the proxies before us, so that all that comes later sees one
// address. Proxies are trusted by their addresses, those on this machine always: each added whom it speaks for at the end of
// X-Forwarded-For, so that the first one from the end which is no proxy is who asks. What stands before it anybody can write.
func Forwarded(next http.Handler, trusted []netip.Prefix) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from, ok := forwardedFor(r, trusted); ok {
			r.RemoteAddr = net.JoinHostPort(from.String(), "0")
		}
		r.Header.Del("X-Forwarded-For")
		next.ServeHTTP(w, r)
	})
}

// maxHops is how many proxies may stand one behind the other.
const maxHops = 20

func forwardedFor(r *http.Request, trusted []netip.Prefix) (from netip.Addr, ok bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return from, false
	}
	from = peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for n := 0; n < min(len(hops), maxHops) && isProxy(from, trusted); n++ {
		before, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1-n]))
		if err != nil {
			break
		}
		from, ok = before.Unmap().WithZone(""), true
	}
	return from, ok
}

func isProxy(addr netip.Addr, trusted []netip.Prefix) bool {
	return addr.IsLoopback() || slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
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
