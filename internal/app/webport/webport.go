// Package webport shows what a learner's program serves on a port of its lab, each port on an origin of its own
// (web--<session>.labs.<host>): whatever runs there, it shares no cookie, storage or script with the console. A one-time
// ticket from the lab page sets a cookie there; every other request needs it.
package webport

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Bounds of the proxy. A stream may last as long as its session, but not say nothing for longer than idleTime.
const (
	dialTime     = 10 * time.Second
	headerTime   = 30 * time.Second // until the learner's program answers
	idleTime     = 10 * time.Minute
	maxHeaders   = 64 << 10 // bytes of an answer's headers
	trafficEvery = 5 * time.Second

	// Requests at once.
	maxPerSession = 100
	maxPerUser    = 200
)

// ErrNoPort is returned for a name that cannot be a port's.
var ErrNoPort = errs.NotFound("port_not_found", "The lab has no such port.")

// Dialer reaches the ports of a session's environment. The context acts as the person who looks.
type Dialer interface {
	// PortNumber is the number of a port that the session's lab names, or a not-found error.
	PortNumber(ctx context.Context, session uuid.UUID, name string) (uint16, error)
	// Port connects to it. sandbox.ErrUnreachable means that the environment does not answer, sandbox.ErrNotFound that
	// it is gone, and any other error that nothing listens there. The connection may end with ctx.
	Port(ctx context.Context, session uuid.UUID, name string) (net.Conn, error)
}

// Service is the proxy. Close it after the HTTP server stopped taking requests.
type Service struct {
	Console *url.URL // where the console is: it alone may frame a port
	Labs    *url.URL // above the origins of ports, such as https://labs.example: one label is put before its host
	Key     []byte   // 32 random bytes of the installation, from which cookies are signed
	Tickets *ticket.Store
	Access  *access.Checker
	Dialer  Dialer
	Traffic func(session uuid.UUID) // called now and then while there is traffic: the session is not idle; may be nil
	Log     *slog.Logger

	open access.Streams
}

// Close ends all requests, WebSockets included, and waits for them until ctx ends.
func (s *Service) Close(ctx context.Context) error { return s.open.Close(ctx) }

// place is one port of one session: what a host name stands for.
type place struct {
	session uuid.UUID
	port    string
}

// portName is what fits, with two hyphens and a session's id, into one label of a host name (63 characters).
var portName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,23}[a-z0-9])?$`)

// label is the first label of the place's host name.
func (p place) label() string { return p.port + "--" + p.session.String() }

func parseLabel(label string) (place, bool) {
	at := strings.LastIndex(label, "--")
	if at < 0 {
		return place{}, false
	}
	session, err := uuid.Parse(label[at+2:])
	p := place{session, label[:at]}
	// uuid.Parse knows other spellings; one place has one origin.
	return p, err == nil && portName.MatchString(p.port) && p.label() == label
}

// host is the place's own host, with the port that browsers see.
func (s *Service) host(p place) string { return p.label() + "." + s.Labs.Host }

// Entrance returns an address that opens the port once, within half a minute.
func (s *Service) Entrance(ctx context.Context, h access.Holder, port string) (string, error) {
	if !portName.MatchString(port) {
		return "", ErrNoPort
	}
	if _, err := s.Dialer.PortNumber(ctx, h.Session, port); err != nil {
		return "", err
	}
	secret, _, err := s.Tickets.Issue(ticket.Grant{Holder: h, Kind: ticket.Port, Port: port})
	if err != nil {
		return "", err
	}
	to := url.URL{Scheme: s.Labs.Scheme, Host: s.host(place{h.Session, port}), Path: enterPath, RawQuery: "ticket=" + secret}
	return to.String(), nil
}

// Handler takes the requests for hosts of ports and leaves all others to next. It must stand before whatever sets headers
// for the console's pages.
func (s *Service) Handler(next http.Handler) http.Handler {
	proxy := s.proxy()
	suffix := "." + strings.ToLower(s.Labs.Hostname())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// net/http has put the host of an absolute request line, which goes before the Host header, into r.Host.
		name := hostname(r.Host)
		label, ours := strings.CutSuffix(name, suffix)
		if !ours && name != suffix[1:] {
			next.ServeHTTP(w, r)
			return
		}
		at, ok := parseLabel(label)
		if !ok || r.Method == http.MethodConnect {
			s.unknown(w, r)
			return
		}
		s.serve(w, r, at, proxy)
	})
}

// hostname is the name in a Host header: lower case, without port and trailing dot.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request, at place, proxy *httputil.ReverseProxy) {
	if r.URL.Path == enterPath {
		s.enter(w, r, at)
		return
	}
	if strings.HasPrefix(r.URL.Path, ownPaths) {
		s.unknown(w, r)
		return
	}
	holder, ok := s.visitor(r, at)
	if !ok {
		s.refuse(w, r, at, errNoVisit)
		return
	}
	ctx, done, err := s.open.Add(r.Context(), holder, maxPerSession, maxPerUser)
	if err != nil {
		s.refuse(w, r, at, err)
		return
	}
	defer done()
	ctx, stop, err := s.Access.Keep(ctx, holder)
	if err != nil {
		s.refuse(w, r, at, err)
		return
	}
	defer stop()
	r = r.WithContext(ctx)
	browser := newStream(ctx, w, r)
	defer browser.end()
	proxy.ServeHTTP(browser, r)
}
