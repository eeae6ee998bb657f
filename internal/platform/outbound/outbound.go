// Package outbound calls addresses that a tenant has entered. Whoever enters an address chooses where the program
// connects to, so it must not lead into the network that the program stands in: every connection is checked when its name
// has become an address, which no name server can change afterwards.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Bounds of one call.
const (
	MaxBody      = 1 << 20
	CallTime     = 10 * time.Second // of the whole call, the body included
	maxHeader    = 64 << 10
	maxRedirects = 3
)

// The reasons for which an address is not called.
var (
	ErrAddress  = errors.New("the address is not on the public internet")
	ErrScheme   = errors.New("the address does not begin with https://")
	ErrRedirect = errors.New("the answer leads to another host")
	ErrTooLarge = errors.New("the answer is too large")
)

// Guard says what may be called.
type Guard struct {
	// AllowPrivate lets calls reach private networks and this machine, the latter without TLS as well: for tests and for
	// installations whose tenants' servers are beside it. Metadata services of clouds stay out of reach.
	AllowPrivate bool
	// Roots are the authorities that vouch for servers; nil: the system's.
	Roots *x509.CertPool
	// Resolver finds addresses; nil: the system's.
	Resolver *net.Resolver
	// Time bounds one call; CallTime when 0.
	Time time.Duration
}

// Client returns a client that calls nothing but what the guard allows. No proxy of the environment is used: it would
// resolve names in our place.
func (g Guard) Client() *http.Client {
	dialer := &net.Dialer{Timeout: CallTime, KeepAlive: -1, Resolver: g.Resolver, ControlContext: g.control}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: g.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: CallTime, ResponseHeaderTimeout: CallTime, MaxResponseHeaderBytes: maxHeader,
		DisableKeepAlives: true, ForceAttemptHTTP2: true,
	}
	limit := g.Time
	if limit == 0 {
		limit = CallTime
	}
	return &http.Client{Transport: &bounded{guard: g, next: transport}, Timeout: limit, CheckRedirect: checkRedirect}
}

// CheckURL tells whether an address could be called, before any name is resolved.
func (g Guard) CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return ErrScheme
	}
	return g.checkURL(u)
}

func (g Guard) checkURL(u *url.URL) error {
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && g.AllowPrivate && loopback(u.Hostname()):
	default:
		return ErrScheme
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return g.check(addr)
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && addr.IsLoopback()
}

// control sees the address that a connection is about to be made to.
func (g Guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("%s %s: %w", network, address, ErrAddress)
	}
	return g.check(at.Addr())
}

func (g Guard) check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	if never(addr) || !g.AllowPrivate && internal(addr) {
		return fmt.Errorf("%s: %w", addr, ErrAddress)
	}
	return nil
}

// never are addresses that no server of anybody has, or that answer with a cloud's credentials.
func never(addr netip.Addr) bool {
	return !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() || within(addr, []string{
		"0.0.0.0/8", "240.0.0.0/4", // this network; reserved and broadcast
		"100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::/32", // metadata services that are not link-local
	})
}

// internal are the networks of RFC 6890 that are not the public internet, and those that carry IPv4 addresses inside.
func internal(addr netip.Addr) bool {
	return addr.IsLoopback() || addr.IsPrivate() || !addr.IsGlobalUnicast() || within(addr, []string{
		"100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "fec0::/10", "::/96",
	})
}

func within(addr netip.Addr, networks []string) bool {
	return slices.ContainsFunc(networks, func(n string) bool { return netip.MustParsePrefix(n).Contains(addr) })
}

// checkRedirect follows an answer on its own host only, and never with a body: what was sent there was for that address.
func checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0]
	if r.URL.Scheme != first.URL.Scheme || r.URL.Host != first.URL.Host || first.Method != http.MethodGet {
		return ErrRedirect
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("%w and on, more than %d times", ErrRedirect, maxRedirects)
	}
	return nil
}

// bounded refuses addresses by their text and bounds answers.
type bounded struct {
	guard Guard
	next  http.RoundTripper
}

// RoundTrip calls.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := b.guard.checkURL(r.URL); err != nil {
		return nil, err
	}
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = &limited{ReadCloser: res.Body, left: MaxBody}
	return res, nil
}

// limited fails a body that is longer than it may be, rather than cut it: half of an answer may mean something else.
type limited struct {
	io.ReadCloser
	left int64
}

// Read reads.
func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
