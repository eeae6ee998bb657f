// Package registration is public sign-up: an organisation names itself and an e-mail address; whoever has that address
// proves it by a link, and a workflow then makes the tenant with its first owner. Nothing is made for an address that
// nobody has proved, and no answer tells whether an address has an account.
package registration

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/text/unicode/norm"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// maxLocale bounds what is kept of a browser's languages.
const maxLocale = 200

// How long things are worth something.
const (
	linkLife  = 24 * time.Hour     // to prove the address, and again from then to see the tenant ready
	keepEnded = 7 * 24 * time.Hour // what was typed is deleted after this
)

// Placement says where a tenant's data is.
type Placement string

// The placements.
const (
	Pool Placement = "pool"
	Silo Placement = "silo"
)

// Tiers knows the tiers that people can sign up for.
type Tiers interface {
	// Placement of the tenants of a tier; ErrTier for one that is not there or not open to sign-up.
	Placement(ctx context.Context, tier string) (Placement, error)
}

// Silos makes and removes a tenant's own schema. Both can be run again after they were cut.
type Silos interface {
	Make(ctx context.Context, tenant uuid.UUID) error
	Drop(ctx context.Context, tenant uuid.UUID) error
}

// Owner is the first member of a tenant.
type Owner struct {
	Tenant      uuid.UUID
	Email, Name string
}

// Identity knows people. All can be run again after they were cut.
type Identity interface {
	MakePool(ctx context.Context, tenant uuid.UUID, name string) error // a silo's own
	AddOwner(ctx context.Context, in Owner) (user uuid.UUID, hasPassword bool, err error)
	EnterLink(ctx context.Context, user uuid.UUID) (string, error)
	RemoveTenant(ctx context.Context, tenant uuid.UUID) error
}

// Keys makes the API key that a tenant's first owner is given, once for each id, as long as they have no password: from then
// on they sign in and make their own.
type Keys interface {
	First(ctx context.Context, tenant, owner, id uuid.UUID) (string, error)
}

// Labs gives a tenant its first labs, and takes them back.
type Labs interface {
	Add(ctx context.Context, tenant uuid.UUID) error
	Remove(ctx context.Context, tenant uuid.UUID) error
}

// Letters sends letters.
type Letters interface {
	Send(ctx context.Context, tx pgx.Tx, d letter.Draft) error
}

// Mailbox is where letters are.
type Mailbox interface {
	RemoveTenant(ctx context.Context, tenant uuid.UUID) (int64, error)
}

// Service registers organisations.
type Service struct {
	Pool      *pgxpool.Pool // of the control role
	Workflows *workflow.Engine
	Letters   Letters
	Mail      Mailbox
	Tiers     Tiers
	Silos     Silos
	Identity  Identity
	Labs      Labs
	Keys      Keys
	PublicURL string // how browsers reach the installation, without a path
	Throttle  *throttle.Throttle
	Limits    Limits
	Log       *slog.Logger

	mu       sync.Mutex
	watchers map[uuid.UUID]int // event streams of each registration
}

// Limits say how much strangers may do. Recipient bounds mail to one address, whoever asks for it; Silo bounds what costs
// a schema and a role of the database.
type Limits struct {
	Address, Recipient, Everybody, Silo, Look throttle.Rule
}

// DefaultLimits suit an installation on the internet: everybody together starts five registrations a second after the
// first 200, so that a flood fills neither the database nor anybody's mailbox.
func DefaultLimits() Limits {
	return Limits{
		Address:   throttle.Rule{Free: 20, First: 30 * time.Second, Max: 10 * time.Minute, Forget: time.Hour},
		Recipient: throttle.Rule{Free: 3, First: 10 * time.Minute, Max: 6 * time.Hour, Forget: 24 * time.Hour},
		Everybody: throttle.Rule{Free: 200, First: 200 * time.Millisecond, Max: 200 * time.Millisecond, Forget: time.Minute},
		Silo:      throttle.Rule{Free: 10, First: 30 * time.Second, Max: 30 * time.Second, Forget: 10 * time.Minute},
		Look:      throttle.Rule{Free: 300, First: time.Second, Max: 10 * time.Second, Forget: 5 * time.Minute},
	}
}

// The errors that callers can tell apart.
var (
	// ErrTier is returned by Tiers.
	ErrTier = errs.Invalid("no_such_tier", "Organisations cannot sign up for this tier.").WithFields(errs.Field{Path: "body.tier", Message: "There is no such tier to sign up for."})

	errRegistration = errs.Invalid("invalid_registration", "The registration cannot be made like this; see errors.")
	errKeyUsed      = errs.Invalid("idempotency_key_used", "This Idempotency-Key came with another registration before. Use a new key for a new registration.")
	errNameTaken    = errs.Conflict("name_taken", "This name, or one that looks like it, is taken. Choose another one.")
	errLink         = errs.NotFound("registration_link_over", "This link has expired or is not ours. Register again.")
	errNotReady     = errs.Conflict("registration_not_ready", "Your organisation is not ready yet.")
	errNotProved    = errs.Conflict("registration_not_proved", "Open the link in the mail that we sent you first.")
	errKeyGiven     = errs.Conflict("first_key_given", "The first key was shown before, or you have an account already. Sign in and make a key there.")
	errWatchers     = errs.Limited("too_many_watchers", "This registration is watched in several places already. Close one of them.")
)

// Wish is what an organisation asks for.
type Wish struct {
	Title     string `json:"title"`
	Name      string `json:"name"`
	Email     string `json:"email"`
	AdminName string `json:"adminName"`
	Tier      string `json:"tier"`
	// Locale is what the browser says of the reader's languages. The same wish may come in another one.
	Locale string `json:"-"`
}

// Accepted is the answer to a registration: the same for every address.
type Accepted struct {
	ID        uuid.UUID
	ExpiresAt time.Time
}

// Register notes a wish and mails the link that proves its address. The same key with the same wish gives the same
// answer and no second mail.
func (s *Service) Register(ctx context.Context, address, key string, wish Wish) (Accepted, error) {
	if wait := s.Throttle.Try(
		throttle.Key{Name: "register " + address, Rule: s.Limits.Address},
		throttle.Key{Name: "register", Rule: s.Limits.Everybody},
	); wait > 0 {
		return Accepted{}, httpx.Limited(wait)
	}
	keyHash, bodyHash, err := fingerprints(key, wish)
	if err != nil {
		return Accepted{}, err
	}
	if known, found, err := s.replay(ctx, keyHash, bodyHash); err != nil || found {
		return known, err
	}
	if wish, err = s.check(ctx, wish); err != nil {
		return Accepted{}, err
	}
	token := rand.Text() + rand.Text() // 260 bits
	row := registration{Wish: wish, keyHash: keyHash, bodyHash: bodyHash, tokenHash: hash(token)}
	var fresh bool
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := nameFree(ctx, tx, wish.Name, uuid.Nil); err != nil {
			return err
		}
		if fresh, err = insert(ctx, tx, &row); err != nil || !fresh {
			return err
		}
		// Counted in the transaction's end alone, so that repeated requests cost the recipient nothing.
		if wait := s.Throttle.Try(throttle.Key{Name: "register to " + strings.ToLower(wish.Email), Rule: s.Limits.Recipient}); wait > 0 {
			return httpx.Limited(wait)
		}
		return s.Letters.Send(ctx, tx, s.proofLetter(wish, token))
	})
	if err != nil {
		return Accepted{}, err
	}
	if !fresh { // the same request came twice at once
		known, _, err := s.replay(ctx, keyHash, bodyHash)
		return known, err
	}
	return Accepted{ID: row.ID, ExpiresAt: row.expiresAt}, nil
}

// replay answers a request that came before.
func (s *Service) replay(ctx context.Context, keyHash, bodyHash []byte) (Accepted, bool, error) {
	known, body, found, err := byKey(ctx, s.Pool, keyHash)
	if err == nil && found && !bytes.Equal(body, bodyHash) {
		err = errKeyUsed
	}
	return known, found, err
}

// check cleans a wish and reports all that is wrong with it.
func (s *Service) check(ctx context.Context, w Wish) (Wish, error) {
	if len(w.Locale) > maxLocale || !mail.OneLine(w.Locale) {
		w.Locale = ""
	}
	w.Title, w.AdminName, w.Email = clean(w.Title), clean(w.AdminName), norm.NFC.String(strings.TrimSpace(w.Email))
	var fields []errs.Field
	problem := func(path, message string) {
		if message != "" {
			fields = append(fields, errs.Field{Path: "body." + path, Message: message})
		}
	}
	problem("title", checkShown(w.Title))
	problem("name", checkName(w.Name))
	problem("adminName", checkShown(w.AdminName))
	if !mail.ValidAddress(w.Email) {
		problem("email", "This is not an e-mail address; it looks like name@example.com.")
	}
	_, err := s.Tiers.Placement(ctx, w.Tier)
	var tier *errs.Error
	switch {
	case errors.As(err, &tier) && tier.Kind == errs.KindInvalid:
		fields = append(fields, tier.Fields...)
	case err != nil:
		return w, err
	}
	if len(fields) > 0 {
		return w, errRegistration.WithFields(fields...)
	}
	return w, nil
}

// Name is what a caller may know of a name.
type Name struct {
	Name    string `json:"name"`
	Free    bool   `json:"free"`
	Problem string `json:"problem,omitempty" doc:"Why it cannot be had"`
}

// Look tells whether a name can be had.
func (s *Service) Look(ctx context.Context, address, name string) (Name, error) {
	if err := s.look(address); err != nil {
		return Name{}, err
	}
	out := Name{Name: name, Problem: checkName(name)}
	if out.Problem != "" {
		return out, nil
	}
	err := nameFree(ctx, s.Pool, name, uuid.Nil)
	if errors.Is(err, errNameTaken) {
		out.Problem = errNameTaken.Message
		return out, nil
	}
	out.Free = err == nil
	return out, err
}

func (s *Service) look(address string) error {
	if wait := s.Throttle.Try(throttle.Key{Name: "look " + address, Rule: s.Limits.Look}); wait > 0 {
		return httpx.Limited(wait)
	}
	return nil
}

// Confirm proves the address and starts the workflow. Doing it again shows how far it is; after an attempt that was taken
// back it starts anew, with another name if one is given.
func (s *Service) Confirm(ctx context.Context, token, name string) (Status, error) {
	if name != "" {
		if problem := checkName(name); problem != "" {
			return Status{}, errRegistration.WithFields(errs.Field{Path: "body.name", Message: problem})
		}
	}
	var row registration
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		if row, err = byToken(ctx, tx, hash(token), lockRow); err != nil {
			return err
		}
		if row.State == Proved {
			if err := s.release(ctx, tx, &row); err != nil {
				return err
			}
		}
		if row.State == Proved || row.State == Ready {
			return nil
		}
		if name != "" {
			row.Name = name
		}
		return s.begin(ctx, tx, &row)
	})
	if err != nil {
		return Status{}, err
	}
	return s.status(ctx, row)
}

// begin claims the name and starts the workflow.
func (s *Service) begin(ctx context.Context, tx pgx.Tx, row *registration) (err error) {
	if row.Placement, err = s.Tiers.Placement(ctx, row.Tier); err != nil { // the tier may have been closed since
		return err
	}
	if row.Placement == Silo {
		if wait := s.Throttle.Try(throttle.Key{Name: "silo", Rule: s.Limits.Silo}); wait > 0 {
			return httpx.Limited(wait)
		}
	}
	if row.Tenant.UUID, err = uuid.NewV7(); err != nil {
		return fmt.Errorf("tenant id: %w", err)
	}
	row.Tenant.Valid, row.State, row.Attempt, row.expiresAt = true, Proved, row.Attempt+1, time.Now().Add(linkLife)
	if err := claim(ctx, tx, *row); err != nil {
		return err
	}
	// After the claim: whoever had it before has made the tenant by now, or never will.
	if err := nameFree(ctx, tx, row.Name, row.ID); err != nil {
		return err
	}
	id, err := s.Workflows.Start(ctx, tx, workflow.Start{
		Kind: Kind, Key: fmt.Sprintf("%s/%d", row.ID, row.Attempt), Tenant: row.Tenant.UUID,
		Input: input{Registration: row.ID},
	})
	if err != nil {
		return err
	}
	row.Workflow = uuid.NullUUID{UUID: id, Valid: true}
	return setWorkflow(ctx, tx, row.ID, id)
}

// release takes note of a workflow that ended before its first step could: nothing was made, and the name is free again.
func (s *Service) release(ctx context.Context, tx pgx.Tx, row *registration) error {
	w, err := s.Workflows.Get(ctx, row.Workflow.UUID)
	if err != nil || !w.Over() || w.State == workflow.Succeeded {
		return err
	}
	row.State = Failed
	return fail(ctx, tx, row.Tenant.UUID)
}

// Get shows a registration to whoever has its token.
func (s *Service) Get(ctx context.Context, id uuid.UUID, token string) (Status, error) {
	row, err := s.mine(ctx, id, token)
	if err != nil {
		return Status{}, err
	}
	return s.status(ctx, row)
}

func (s *Service) mine(ctx context.Context, id uuid.UUID, token string) (registration, error) {
	row, err := byToken(ctx, s.Pool, hash(token), readOnly)
	if err == nil && row.ID != id {
		err = errLink
	}
	return row, err
}

// Enter makes a one-time link with which the first owner chooses a password.
func (s *Service) Enter(ctx context.Context, token string) (string, error) {
	row, err := byToken(ctx, s.Pool, hash(token), readOnly)
	if err != nil {
		return "", err
	}
	if row.State != Ready || !row.Owner.Valid {
		return "", errNotReady
	}
	link, err := s.Identity.EnterLink(ctx, row.Owner.UUID)
	if err == nil {
		s.Log.InfoContext(ctx, "the first owner of a tenant asked for a link to choose a password", "tenant", row.Tenant.UUID, "user", row.Owner.UUID)
	}
	return link, err
}

// FirstKey makes the API key of a new tenant's first owner, who has proved the address and chosen no password yet. An owner
// who had an account before signs in to make one: a mail alone does not open what their password and second factor guard.
func (s *Service) FirstKey(ctx context.Context, token string) (string, error) {
	row, err := byToken(ctx, s.Pool, hash(token), readOnly)
	switch {
	case err != nil:
		return "", err
	case row.State != Ready || !row.Owner.Valid:
		return "", errNotReady
	case row.HasPassword || row.KeyGiven:
		return "", errKeyGiven
	}
	// The key has the registration's id, so that there is never a second one, whatever is cut short.
	key, err := s.Keys.First(ctx, row.Tenant.UUID, row.Owner.UUID, row.ID)
	if err != nil {
		return "", err
	}
	s.Log.InfoContext(ctx, "the first owner of a tenant was given its first API key", "tenant", row.Tenant.UUID, "user", row.Owner.UUID)
	return key, setKeyGiven(ctx, s.Pool, row.ID)
}

// hash is how keys and tokens are kept. They have far more entropy than can be tried.
func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

func fingerprints(key string, wish Wish) (keyHash, bodyHash []byte, err error) {
	body, err := json.Marshal(wish)
	if err != nil {
		return nil, nil, fmt.Errorf("encode registration: %w", err)
	}
	return hash("key " + key), hash(base64.StdEncoding.EncodeToString(body)), nil
}
