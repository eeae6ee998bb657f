// Package factor is what signs people in beside the password: codes of an authenticator app, passkeys, codes by mail and
// recovery codes. It decides who needs which after the password, keeps the step between the password and the session, and
// serves the pages and routes with which people add and remove theirs.
package factor

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Kind of factor.
type Kind string

// The kinds.
const (
	TOTP    Kind = "totp"    // codes of an authenticator app
	Passkey Kind = "passkey" // a key on a device or in a password manager
	Email   Kind = "email"   // codes by mail
)

// How a person proved who they are, as RFC 8176 names it.
const (
	MethodPassword = "pwd"
	methodCode     = "otp"
	methodKey      = "hwk"
	MethodMulti    = "mfa" // more than one factor
)

// Bounds.
const (
	maxOfKind   = 10 // factors of one kind that a user has
	maxName     = 60
	freshTime   = 10 * time.Minute // since the sign-in, for what is dangerous
	pendingLife = 10 * time.Minute // from the password to the last step
	maxTries    = 20               // wrong answers to one challenge, whatever the throttle of this process counts
)

// Factor is one of a user's, as they see it.
type Factor struct {
	ID        uuid.UUID  `json:"id"`
	Kind      Kind       `json:"kind" enum:"totp,passkey,email"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"createdAt"`
	UsedAt    *time.Time `json:"usedAt,omitempty" doc:"Of the latest sign-in with it"`
}

// The errors that callers can tell apart.
var (
	ErrWrongCode = errs.Unauthenticated("wrong_code", "This code is not right. Codes of an app change every 30 seconds, and each works once.")
	ErrOver      = errs.Unauthenticated("challenge_over", "This sign-in took too long or was used up. Start again from the beginning.")
	ErrNotFound  = errs.NotFound("no_such_factor", "There is no such way to sign in. It may have been removed.")
	ErrLast      = errs.Conflict("factor_required", "Your organisation requires a second step, and this is your only one. Add another first.")
	ErrTooMany   = errs.Conflict("too_many_factors", "You have as many of these as can be. Remove one first.")
	ErrOff       = errs.Conflict("factors_off", "Two-step sign-in is switched off here.")
	errNoKeys    = errs.Conflict("no_passkeys", "Browsers allow passkeys only at an address with a name and https. Ask whoever runs this installation.")
	errPasskey   = errs.Unauthenticated("wrong_passkey", "That passkey did not work. Try again, or use another way.")
)

// Site is the sign-in that the pages belong to.
type Site struct {
	Show     func(w http.ResponseWriter, r *http.Request, p access.Pool, status int, name page.Name, d page.Data) error
	Problem  func(w http.ResponseWriter, r *http.Request, p access.Pool, name page.Name, d page.Data, err error) error
	ReadForm func(r *http.Request, p access.Pool) error
	// Password tells whether this is the user's password. It counts tries.
	Password func(ctx context.Context, p access.Pool, user uuid.UUID, given string) error
}

// Service keeps factors. Its fields are set before it is used; Send may be nil: then nobody gets codes by mail.
type Service struct {
	DB       *pgxpool.Pool // of the role identity
	Key      *secret.Key   // seals what must be read again
	Sessions *browser.Sessions
	Throttle *throttle.Throttle
	Keys     *webauthn.WebAuthn // nil: browsers allow no passkeys at this address
	Now      func() time.Time
	Log      *slog.Logger
	Site     Site
	Forget   func(user uuid.UUID) // drops what this process remembers of a user's sign-ins
	Send     func(ctx context.Context, tx pgx.Tx, d letter.Draft) error
	// Letter writes the mail with a code, in the user's language.
	Letter func(ctx context.Context, tx pgx.Tx, user uuid.UUID, code string) (letter.Draft, error)
	Home   string // address of the console
	// Failed hears of wrong codes at somebody's second step; nil: nobody does.
	Failed func(ctx context.Context, user uuid.UUID, step string)
	// Fresh refuses a caller of the API whose sign-in is longer ago.
	Fresh func(ctx context.Context, within time.Duration) error
}

// mac is what the database keeps of a code that is short enough to be guessed from a plain hash.
func (s *Service) mac(purpose string, parts ...string) []byte {
	h := hmac.New(sha256.New, []byte(s.Key.Derive("identity "+purpose)))
	h.Write([]byte(strings.Join(parts, "\x00")))
	return h.Sum(nil)
}

// cleanName is what a factor is called: what was typed, on one line, or else what it is.
func cleanName(given, otherwise string) string {
	name := strings.Join(strings.FieldsFunc(given, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
	if runes := []rune(strings.ToValidUTF8(name, "")); len(runes) > maxName {
		name = strings.TrimSpace(string(runes[:maxName]))
	}
	if name == "" {
		return otherwise
	}
	return name
}

// How answers are slowed down. Whoever gives them knows the password already, so the rule for a user locks out nobody who
// does not; the one for an address also counts passkeys, which come without a password.
func keys(user uuid.UUID, place string) (ofUser, from throttle.Key) {
	ofUser = throttle.Key{Name: "factor " + user.String(), Rule: throttle.Rule{Free: 5, First: 2 * time.Second, Max: 10 * time.Minute, Forget: 2 * time.Hour}}
	from = throttle.Key{Name: "factor from " + place, Rule: throttle.Rule{Free: 100, First: time.Second, Max: time.Minute, Forget: 15 * time.Minute}}
	return ofUser, from
}

// with adds how the last step was taken to what came before.
func with(methods []string, last string) []string {
	all := make([]string, 0, len(methods)+2)
	for _, m := range append(slices.Clone(methods), last, MethodMulti) {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

// locked runs do with the user's factors held: nobody else adds or removes any meanwhile.
func (s *Service) locked(ctx context.Context, user uuid.UUID, do func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: factors of "+user.String()); err != nil {
			return fmt.Errorf("lock factors: %w", err)
		}
		return do(tx)
	})
}

// strong tells whether somebody proved more than one factor.
func strong(methods []string) bool { return slices.Contains(methods, MethodMulti) }
