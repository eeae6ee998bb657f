// Package mail sends mail to people. A message is queued in the transaction of what it is about and delivered by a job.
// Without a mail server the mailbox in the operator's console is where it goes: nothing needs an account elsewhere.
package mail

import (
	"context"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/job"
)

// State of a message.
type State string

// The states. Bounced: the recipient's server refused it for good. Failed: no server took it in the time there was.
const (
	Queued  State = "queued"
	Sent    State = "sent"
	Failed  State = "failed"
	Bounced State = "bounced"
)

// Bounds of a message.
const (
	maxAddress = 254
	maxSubject = 200
	maxText    = 64 << 10
	maxHTML    = 256 << 10
)

// How long messages stay, and how many.
const (
	keepBodies   = 7 * 24 * time.Hour  // of what may let somebody in; its links are over by then
	keepMessages = 30 * 24 * time.Hour // with who got what and when
	keepNewest   = 10_000
	giveUp       = 24 * time.Hour // a message without an outcome after this has lost its job
)

// Message is what Send takes.
type Message struct {
	Tenant  uuid.UUID // whose letter it is; zero: the installation's own
	About   uuid.UUID // what it is about, such as an invitation; zero: nothing that has an id
	Locale  string    // the language that it is in; "" where nobody said
	To      string    // one address, without a name
	Subject string
	Text    string
	HTML    string
	Kind    string // what it is about, such as "registration.confirm"
	// Keep says that the message holds nothing that lets anybody in. The text of every other message is deleted once a
	// mail server has taken it, and hidden from operators before that.
	Keep bool
}

// Service queues and delivers mail.
type Service struct {
	Pool *pgxpool.Pool // of the control role
	Jobs *job.Client
	SMTP *SMTP // nil: messages stay in the mailbox
	Log  *slog.Logger
	// Backoff is how long to wait after the n-th failed try, from 1; nil: half a minute, doubling.
	Backoff func(n int) time.Duration
}

var (
	errMessage  = errs.Invalid("invalid_mail", "This mail cannot be sent; see errors.")
	errNotFound = errs.NotFound("no_such_mail", "There is no such mail. Old ones are deleted.")
	errNotOver  = errs.Conflict("mail_not_failed", "Only mail that failed or bounced can be sent again.")
	errNoText   = errs.Conflict("mail_text_deleted", "The text of this mail has been deleted. Have whatever it was about send a new one.")
)

// Send queues a message in tx, which is of the control or the identity role: it goes out if and only if tx commits.
func (s *Service) Send(ctx context.Context, tx pgx.Tx, m Message) error {
	if err := m.Check(); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("queue mail: %w", err)
	}
	if s.SMTP == nil {
		return insert(ctx, tx, id, m, Sent)
	}
	if err := insert(ctx, tx, id, m, Queued); err != nil {
		return err
	}
	return s.enqueue(ctx, tx, id)
}

func (s *Service) enqueue(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := s.Jobs.InsertTx(ctx, tx, SendArgs{Message: id}, &river.InsertOpts{Queue: Queue, MaxAttempts: maxAttempts}); err != nil {
		return fmt.Errorf("queue mail: %w", err)
	}
	return nil
}

var validKind = regexp.MustCompile(`^[a-z][a-z.-]{0,63}$`)

// Check refuses what would be another message on the wire than it is here: headers have no line breaks, and an address is
// an address alone.
func (m Message) Check() error {
	var fields []errs.Field
	problem := func(wrong bool, path, message string) {
		if wrong {
			fields = append(fields, errs.Field{Path: path, Message: message})
		}
	}
	problem(!ValidAddress(m.To), "to", "This is not an e-mail address; it looks like name@example.com.")
	problem(m.Subject == "" || utf8.RuneCountInString(m.Subject) > maxSubject || !OneLine(m.Subject), "subject", "Want one line of at most 200 characters.")
	problem(m.Text == "" || len(m.Text) > maxText || !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0), "text", "Want text of at most 64 KiB.")
	problem(len(m.HTML) > maxHTML || !utf8.ValidString(m.HTML) || strings.ContainsRune(m.HTML, 0), "html", "Want at most 256 KiB.")
	problem(!validKind.MatchString(m.Kind), "kind", "Want lower-case words joined by dots.")
	if len(fields) > 0 {
		return errMessage.WithFields(fields...)
	}
	return nil
}

// ValidAddress tells whether text is one plain address: no name, no comment, no quoted part, nothing that could end a line.
func ValidAddress(text string) bool {
	if len(text) > maxAddress || !OneLine(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '"' }) {
		return false
	}
	parsed, err := netmail.ParseAddress(text)
	return err == nil && parsed.Address == text
}

// OneLine tells whether text can stand in a header: valid, and nothing that ends a line or turns the reading direction.
func OneLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
	})
}

// Retry queues a message that failed or bounced once more.
func (s *Service) Retry(ctx context.Context, id uuid.UUID) (m Stored, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		m, err = get(ctx, tx, id, lockRow)
		if err == nil {
			err = m.over()
		}
		if err != nil {
			return err
		}
		if err := requeue(ctx, tx, id); err != nil {
			return err
		}
		err = audit.Operated(ctx, tx, audit.Operation{
			Entry: audit.Entry{Action: "mail.retried", Target: id.String(), Detail: map[string]any{"kind": m.Kind}}, Tenant: m.Tenant.UUID,
		})
		if err != nil {
			return err
		}
		return s.enqueue(ctx, tx, id)
	})
	if err != nil {
		return Stored{}, err
	}
	m.State, m.Attempts, m.LastError = Queued, 0, ""
	return m, nil
}

// over is nil for a message that can be sent once more.
func (m Stored) over() error {
	switch {
	case m.State != Failed && m.State != Bounced:
		return errNotOver
	case m.Text == "":
		return errNoText
	}
	return nil
}

// Sweep deletes what is too old or too much, and gives up what has lost its job.
func (s *Service) Sweep(ctx context.Context) error {
	now := time.Now()
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		return sweep(ctx, tx, now.Add(-giveUp), now.Add(-keepBodies), now.Add(-keepMessages))
	})
}

// RemoveTenant deletes every message to a tenant's people and returns how many there were. It can be repeated.
func (s *Service) RemoveTenant(ctx context.Context, tenant uuid.UUID) (int64, error) {
	return removeTenant(ctx, s.Pool, tenant)
}

// CountTo counts the messages to an e-mail address.
func (s *Service) CountTo(ctx context.Context, email string) (int64, error) {
	return countTo(ctx, s.Pool, email)
}

// RemoveTo deletes every message to an e-mail address. It can be repeated.
func (s *Service) RemoveTo(ctx context.Context, email string) error {
	return removeTo(ctx, s.Pool, email)
}
