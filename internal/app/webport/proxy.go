package webport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Errors of a port.
var (
	errNothing   = errs.Unavailable("nothing_listens", "Nothing listens on this port yet. Start your server, then reload.")
	errAway      = errs.Unavailable("environment_unreachable", "The lab does not answer at the moment. Try again in a few seconds.")
	errGone      = errs.NotFound("session_gone", "This lab is not running any more. Start it again from the catalogue.")
	errBadAnswer = errs.Unavailable("port_answer", "The server on this port closed the connection, took too long or does not speak HTTP. Its output in the terminal may say why.")
)

// dialError marks what went wrong before anything was sent.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

// proxy passes requests on. The host of the URL that it asks its transport for is the place's label, so that connections
// are kept and shared per place.
func (s *Service) proxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        s.rewrite,
		ModifyResponse: s.modifyResponse,
		ErrorHandler:   s.proxyError,
		FlushInterval:  -1, // at once: what a learner's program says is small, and often a stream
		ErrorLog:       slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		Transport: &http.Transport{
			DialContext:            s.dial,
			DisableCompression:     true, // bytes pass as they are
			MaxIdleConns:           500,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        time.Minute,
			ResponseHeaderTimeout:  headerTime,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: maxHeaders,
		},
	}
}

// rewrite makes the request that the learner's program sees: the browser's own, to its own host, without what is ours.
func (s *Service) rewrite(r *httputil.ProxyRequest) {
	label, _, _ := strings.Cut(hostname(r.In.Host), ".")
	// A fresh URL: of an absolute one, the user part would become an Authorization header. The query is passed on as it
	// came, because nothing here reads it.
	in := r.In.URL
	r.Out.URL = &url.URL{Scheme: "http", Host: label, Path: in.Path, RawPath: in.RawPath, RawQuery: in.RawQuery, ForceQuery: in.ForceQuery}
	h := r.Out.Header
	h.Del("Authorization")
	h.Del("Proxy-Authorization")
	cookies := withoutOurs(strings.Join(h.Values("Cookie"), ";"))
	h.Del("Cookie")
	if cookies != "" {
		h.Set("Cookie", cookies)
	}
	r.SetXForwarded()
	h.Set("X-Forwarded-Proto", s.Labs.Scheme) // TLS may end before this process
}

// modifyResponse takes away what would reach beyond the port's own origin.
func (s *Service) modifyResponse(r *http.Response) error {
	h, host := r.Header, hostname(r.Request.Host)
	if lines := h.Values("Set-Cookie"); len(lines) > 0 {
		h.Del("Set-Cookie")
		for _, line := range lines {
			if maySet(line, host) {
				h.Add("Set-Cookie", line)
			}
		}
	}
	h.Del("Clear-Site-Data")                        // clears the cookies of the whole registrable domain
	h.Del("Alt-Svc")                                // would lead the browser past this proxy
	h.Del("X-Frame-Options")                        // frames are this platform's matter: see below
	h.Add("Content-Security-Policy", s.ancestors()) // besides the program's own: browsers apply all
	return nil
}

// ancestors lets the console, and the port's own pages, frame a port's page.
func (s *Service) ancestors() string {
	return "frame-ancestors 'self' " + s.Console.Scheme + "://" + s.Console.Host
}

func (s *Service) proxyError(w http.ResponseWriter, r *http.Request, err error) {
	label, _, _ := strings.Cut(hostname(r.Host), ".")
	at, _ := parseLabel(label)
	cause := context.Cause(r.Context())
	var known *errs.Error
	var dial dialError
	switch {
	case errors.As(cause, &known): // the right ended, or the server stops
		err = known
	case cause != nil:
		return // the browser went away
	case !errors.As(err, &dial):
		err = errBadAnswer.Wrap(err)
	case errors.As(err, &known):
		err = known
	case errors.Is(err, sandbox.ErrNotFound):
		err = errGone.Wrap(err)
	case errors.Is(err, sandbox.ErrUnreachable):
		err = errAway.Wrap(err)
	default:
		err = errNothing.Wrap(err)
		if number, numberErr := s.Dialer.PortNumber(r.Context(), at.session, at.port); numberErr == nil {
			err = errNothing.Because("Nothing listens on port %d yet. Start your server, then reload.", number).Wrap(err)
		}
	}
	s.refuse(w, r, at, err)
}

// dial connects to the place that addr, a label and a meaningless port, stands for.
func (s *Service) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	label, _, _ := strings.Cut(addr, ":")
	at, ok := parseLabel(label)
	if !ok {
		return nil, dialError{fmt.Errorf("not a port of a lab: %q", addr)}
	}
	// The connection may end with the context that it was made with, and it is kept for other requests than this one.
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	late := time.AfterFunc(dialTime, end)
	defer late.Stop()
	given := context.AfterFunc(ctx, end)
	defer given()
	conn, err := s.Dialer.Port(lasting, at.session, at.port)
	if err != nil && lasting.Err() != nil {
		err = errors.Join(sandbox.ErrUnreachable, err)
	}
	if err != nil {
		end()
		return nil, dialError{err}
	}
	c := &watchedConn{Conn: conn, end: end, session: at.session, traffic: s.Traffic}
	c.idle = time.AfterFunc(idleTime, func() { _ = c.Close() }) // whoever uses it finds out
	return c, nil
}

// watchedConn closes itself when nothing passes for idleTime, and reports that something did.
type watchedConn struct {
	net.Conn
	end      context.CancelFunc
	idle     *time.Timer
	session  uuid.UUID
	traffic  func(uuid.UUID)
	reported atomic.Int64 // Unix nanoseconds
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.passed(n)
	return n, err
}

func (c *watchedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.passed(n)
	return n, err
}

func (c *watchedConn) Close() error {
	c.idle.Stop()
	defer c.end()
	return c.Conn.Close()
}

func (c *watchedConn) passed(n int) {
	if n == 0 {
		return
	}
	if c.idle.Stop() { // else it was closed
		c.idle.Reset(idleTime)
	}
	now, last := time.Now().UnixNano(), c.reported.Load()
	if c.traffic != nil && now-last >= int64(trafficEvery) && c.reported.CompareAndSwap(last, now) {
		c.traffic(c.session)
	}
}
