package mail_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

// certified is the name in the certificate of the test's servers.
const certified = "example.com"

// received is what a server took.
type received struct {
	from, to, text, user string
	secured              bool
}

// server is a real SMTP server.
type server struct {
	address string
	roots   *x509.CertPool
	refuse  func(to string) error

	mu    sync.Mutex
	taken []received
}

type serverOptions struct {
	startTLS, implicit bool
	password           string // "": nobody needs one
	refuse             func(to string) error
}

func serve(t *testing.T, o serverOptions) *server {
	t.Helper()
	s := &server{refuse: o.refuse}
	back := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &visit{server: s, conn: c, password: o.password}, nil
	}))
	back.Domain, back.ErrorLog = certified, log.New(io.Discard, "", 0)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	if o.startTLS || o.implicit {
		donor := httptest.NewTLSServer(nil) // its certificate is for example.com
		t.Cleanup(donor.Close)
		s.roots = x509.NewCertPool()
		s.roots.AddCert(donor.Certificate())
		settings := &tls.Config{Certificates: donor.TLS.Certificates, MinVersion: tls.VersionTLS12}
		if o.implicit {
			l = tls.NewListener(l, settings)
		} else {
			back.TLSConfig = settings
		}
	}
	back.AllowInsecureAuth = true
	go func() { _ = back.Serve(l) }()
	t.Cleanup(func() { back.Close() })
	return s
}

// settings are those of a server whose name is certified, wherever it really listens.
func (s *server) settings(t *testing.T, scheme, user string) *mail.SMTP {
	t.Helper()
	out, err := mail.ParseSMTP(scheme+"://"+user+certified, "Example Labs <no-reply@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	out.Roots = s.roots
	out.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.address)
	}
	return out
}

// local are the settings of the server as one on this machine.
func (s *server) local(t *testing.T, user string) *mail.SMTP {
	t.Helper()
	out, err := mail.ParseSMTP("smtp://"+user+s.address, "no-reply@example.com")
	if err != nil {
		t.Fatal(err)
	}
	out.Roots = s.roots
	return out
}

func (s *server) all() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.taken...)
}

// visit is one client's connection.
type visit struct {
	server   *server
	conn     *smtp.Conn
	password string
	now      received
}

func (v *visit) AuthMechanisms() []string {
	if v.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != v.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "not with the password " + password}
		}
		v.now.user = user
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if v.password != "" && v.now.user == "" {
		return smtp.ErrAuthRequired
	}
	v.now.from = from
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.now.to = to
	if v.server.refuse != nil {
		return v.server.refuse(to)
	}
	return nil
}

func (v *visit) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.now.text = strings.ReplaceAll(string(text), "\r\n", "\n")
	_, v.now.secured = v.conn.TLSConnectionState()
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	v.server.taken = append(v.server.taken, v.now)
	return nil
}

func (v *visit) Reset() {}

func (v *visit) Logout() error { return nil }
