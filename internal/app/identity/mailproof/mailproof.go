// Package mailproof is what people do by proving that a mailbox is theirs: they make an account, and choose a new password
// when they have forgotten the old one. Nothing that it shows, and nothing that it does before it answers, depends on
// whether an address has an account: only who reads the mailbox learns that.
package mailproof

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
	"github.com/cloudkida/cloudkida/internal/platform/words"
)

// Lifetimes and bounds.
const (
	proofLife  = 24 * time.Hour // mail may be read in the evening
	resetLife  = time.Hour
	codeTries  = 5  // of one sign-up, however often its mail is sent again
	maxSends   = 5  // mails of one sign-up
	maxOpen    = 20 // sign-ups with one address at once
	maxQuery   = 8192
	maxReset   = 5 // links of one account at once
	handleLife = proofLife
)

// The errors that callers can tell apart.
var (
	ErrOver = errs.NotFound("proof_over", "This link has been used or has expired. Start again: a new mail is there in a moment.")

	errPerson = errs.Invalid("invalid_user", "The account cannot be made like this; see errors.")
	errDomain = errPerson.WithFields(errs.Field{Path: "email", Message: "Accounts here are for e-mail addresses of certain organisations. Use your address there, or ask for an invitation."})
	errCode   = errs.Unauthenticated("wrong_code", "This code is not right. Check the newest mail, or use its link.")
	errSent   = errs.Conflict("sent_often", "This mail was sent often enough. Look into your spam folder, or start again with another address.")
	errNoPage = errs.NotFound("no_such_page", "There is no such page. The address may be mistyped or out of date.")
)

// Request is the authorization request that a page belongs to.
type Request struct {
	Query  url.Values
	SignUp bool // people may make an account by themselves on this way in
}

// Person is who makes an account, with a proved address.
type Person struct {
	Name, Email, Hash, Locale string
	Address                   string // of the network
}

// Site is the sign-in that the pages belong to.
type Site struct {
	Show     func(w http.ResponseWriter, r *http.Request, p access.Pool, status int, name page.Name, d page.Data) error
	Problem  func(w http.ResponseWriter, r *http.Request, p access.Pool, name page.Name, d page.Data, err error) error
	ReadForm func(r *http.Request, p access.Pool) error
	// Begin reads the request; nil when the browser was sent elsewhere.
	Begin  func(w http.ResponseWriter, r *http.Request, p access.Pool) (*Request, error)
	Locale func(r *http.Request, p access.Pool) words.Locale
	// Hash checks a new password and hashes it.
	Hash func(ctx context.Context, p access.Pool, name, email, password string) (string, error)
	// Insert makes the account.
	Insert func(ctx context.Context, tx pgx.Tx, p access.Pool, who Person) (uuid.UUID, error)
	// Enter signs somebody in who has just made an account. here tells that the browser waits for the request's answer.
	Enter func(w http.ResponseWriter, r *http.Request, p access.Pool, user uuid.UUID, query url.Values, here bool) error
	// Here tells whether somebody is signed in in this browser.
	Here func(r *http.Request, p access.Pool) (bool, error)
	// SignedIn finds who is signed in; fresh asks for a sign-in of a short while ago, and then leads to that one of our pages.
	// ok is false when the browser was sent elsewhere.
	SignedIn func(w http.ResponseWriter, r *http.Request, p access.Pool, then string, fresh bool) (b browser.Session, ok bool, err error)
	// Forget drops what this process remembers of a user's sign-ins.
	Forget func(user uuid.UUID)
}

// Service proves mailboxes. Its fields are set before it is used.
type Service struct {
	DB       *pgxpool.Pool // of the role identity
	Key      *secret.Key
	Throttle *throttle.Throttle
	Now      func() time.Time
	Log      *slog.Logger
	Site     Site
	Issuer   func(access.Pool) string
	Words    *words.Catalogue
	// Send queues a letter. Mailbox says that no mail server is set, so that an operator hands letters on.
	Send    func(ctx context.Context, tx pgx.Tx, d letter.Draft) error
	Mailbox bool
	Home    string // address of the console
	Console string // OpenID client of the console
}

// Pages are the pages below a pool's address.
func (s *Service) Pages() map[string]func(http.ResponseWriter, *http.Request, access.Pool) error {
	pages := map[string]func(http.ResponseWriter, *http.Request, access.Pool) error{
		"GET /sign-up":          s.showSignUp,
		"POST /sign-up":         s.postSignUp,
		"GET /sign-up/sent":     s.showSent,
		"POST /sign-up/code":    s.postCode,
		"POST /sign-up/again":   s.postAgain,
		"GET /sign-up/confirm":  s.showConfirm,
		"POST /sign-up/confirm": s.postConfirm,
		"GET /forgot":           s.showForgot,
		"POST /forgot":          s.postForgot,
	}
	maps.Copy(pages, s.addressPages())
	return pages
}

// How asking for mail is slowed down: one mailbox must not be filled, one place must not fill many, and a pool must not
// become a sender of mail to the world. None of it depends on whether there is an account.
func mailKeys(pool access.Pool, email, place string) []throttle.Key {
	return []throttle.Key{
		{Name: "mail to " + pool.Name + " " + address.Key(email), Rule: throttle.Rule{Free: 3, First: 30 * time.Second, Max: 30 * time.Minute, Forget: 6 * time.Hour}},
		{Name: "mail from " + place, Rule: throttle.Rule{Free: 300, First: time.Second, Max: time.Minute, Forget: time.Hour}},
		{Name: "mail of " + pool.Name, Rule: throttle.Rule{Free: 3000, First: 100 * time.Millisecond, Max: time.Second, Forget: time.Hour, Heal: time.Second}},
	}
}

// codeKey bounds the guessing of codes for one address, whatever number of sign-ups is begun with it.
func codeKey(pool access.Pool, email string) throttle.Key {
	return throttle.Key{Name: "mail code " + pool.Name + " " + address.Key(email), Rule: throttle.Rule{Free: 10, First: time.Minute, Max: time.Hour, Forget: 24 * time.Hour}}
}

func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // it never fails: see crypto/rand
	}
	return fmt.Sprintf("%06d", n)
}

// codeHash ties a code to its row.
func (s *Service) codeHash(row uuid.UUID, code string) []byte {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, code)
	h := hmac.New(sha256.New, []byte(s.Key.Derive("identity mail proof codes")))
	h.Write([]byte(row.String() + " " + digits))
	return h.Sum(nil)
}
