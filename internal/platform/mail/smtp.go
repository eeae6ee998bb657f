package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// SMTP is a mail server that takes our mail. Its password is in no text of it.
type SMTP struct {
	From  netmail.Address // who mail is from
	Roots *x509.CertPool  // who signs the server's certificate; nil: the system's
	// Dial reaches the server before any TLS; nil: by TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	host     string
	port     int
	implicit bool // TLS from the first byte, as opposed to STARTTLS
	loopback bool // this machine: TLS when the server offers it
	user     string
	password string
}

// dialTime bounds connecting and each command.
const dialTime = 15 * time.Second

// maxProblem bounds what is kept of a server's answer.
const maxProblem = 300

// ParseSMTP reads a server's address, smtp(s)://[user:password@]host[:port], and who mail is from. Its errors never repeat
// the address, which has a password in it.
func ParseSMTP(address, from string) (*SMTP, error) {
	errAddress := errors.New("--smtp-url: want smtp(s)://USER:PASSWORD@HOST:PORT, with special characters of the password percent-encoded")
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errAddress
	}
	s := &SMTP{host: u.Hostname(), implicit: u.Scheme == "smtps", port: 587, user: u.User.Username()}
	if s.implicit {
		s.port = 465
	}
	if u.Port() != "" {
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errAddress
		}
	}
	s.password, _ = u.User.Password()
	if strings.ContainsFunc(s.user+s.password+s.host, unicode.IsControl) || (s.user == "") != (s.password == "") {
		return nil, errAddress
	}
	s.loopback = s.host == "localhost" || net.ParseIP(s.host).IsLoopback()
	sender, err := netmail.ParseAddress(from)
	if err != nil || !ValidAddress(sender.Address) || !OneLine(sender.Name) {
		return nil, fmt.Errorf("--mail-from %q: want the address that mail comes from, such as Cloudkida <no-reply@example.com>", from)
	}
	s.From = *sender
	return s, nil
}

// Server is the server's host and port.
func (s *SMTP) Server() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

// String hides the password from logs.
func (s *SMTP) String() string { return s.Server() }

// GoString hides the password from logs.
func (s *SMTP) GoString() string { return "mail.SMTP(" + s.Server() + ")" }

// deliver makes one try. The outcome Queued means: try again later. problem says what went wrong.
func (s *SMTP) deliver(ctx context.Context, m Stored) (outcome State, problem string) {
	msg, err := s.compose(m)
	if err != nil {
		return Failed, s.clean(err, m)
	}
	client, err := s.client()
	if err != nil {
		return Failed, s.clean(err, m)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	var refused *gomail.SendError
	switch {
	case err == nil, msg.IsDelivered(): // what fails after the server took it, such as QUIT, does not send it again
		return Sent, ""
	case errors.As(err, &refused) && refused.ErrorCode() >= 500 && aboutMessage(refused.Reason):
		return Bounced, s.clean(err, m)
	}
	return Queued, s.clean(err, m)
}

// aboutMessage tells whether a refusal is of this recipient or text. Refusals of us, such as of the sender's address or
// the password, may end when an operator mends the settings.
func aboutMessage(r gomail.SendErrReason) bool {
	return r == gomail.ErrSMTPRcptTo || r == gomail.ErrSMTPData || r == gomail.ErrSMTPDataClose
}

func (s *SMTP) compose(m Stored) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	err := errors.Join(msg.FromFormat(s.From.Name, s.From.Address), msg.To(m.To))
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	_, domain, _ := strings.Cut(s.From.Address, "@")
	msg.SetMessageIDWithValue(m.ID.String() + "@" + domain)
	msg.SetDateWithValue(m.CreatedAt)
	msg.Subject(m.Subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // nobody's holiday reply
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

func (s *SMTP) client() (*gomail.Client, error) {
	settings := &tls.Config{ServerName: s.host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(dialTime), gomail.WithTLSConfig(settings),
		gomail.WithDialContextFunc(s.dialer(settings)),
	}
	switch {
	case s.implicit:
		options = append(options, gomail.WithSSL())
	case s.loopback:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.user != "" {
		ways := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin}
		if s.loopback {
			ways = []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc}
		}
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password), gomail.WithOpportunisticSMTPAuth(ways...))
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail server %s: %w", s.Server(), err)
	}
	return client, nil
}

// dialer connects, with TLS where it comes from the first byte.
func (s *SMTP) dialer(settings *tls.Config) gomail.DialContextFunc {
	dial := s.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil || !s.implicit {
			return conn, err
		}
		secured := tls.Client(conn, settings)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return secured, nil
	}
}

// What a letter holds that lets its reader in: addresses and codes.
var (
	secrets = regexp.MustCompile(`https?://\S+|\b[0-9]{6}\b`)
	token   = regexp.MustCompile(`[?#&]token=\S*`) // such as of an address that the server has broken
)

// maxSecrets bounds how many are looked for.
const maxSecrets = 50

// clean makes a line for operators and administrators of what a server said: it may repeat what it was sent.
func (s *SMTP) clean(err error, m Stored) string {
	text := err.Error()
	if s.password != "" {
		for _, secret := range []string{
			s.password, base64.StdEncoding.EncodeToString([]byte(s.password)),
			base64.StdEncoding.EncodeToString([]byte("\x00" + s.user + "\x00" + s.password)),
		} {
			text = strings.ReplaceAll(text, secret, "(password)")
		}
	}
	text = strings.ReplaceAll(text, m.To, "(recipient)")
	for _, secret := range secrets.FindAllString(m.Text, maxSecrets) {
		text = strings.ReplaceAll(text, secret, "(hidden)")
	}
	text = token.ReplaceAllString(text, "(hidden)")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	text = strings.ToValidUTF8(text, "?")
	if runes := []rune(text); len(runes) > maxProblem {
		text = string(runes[:maxProblem]) + "..."
	}
	return text
}
