package client

import (
	"context"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/scoped"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Bounds of what a tenant registers.
const (
	maxClients   = 50
	maxRedirects = 10
	maxRedirect  = 2000 // characters
)

// Registered is a program that a tenant's owners have registered.
type Registered struct {
	ID           string    `json:"id" doc:"client_id of the program"`
	Name         string    `json:"name" doc:"What people are asked about"`
	RedirectURIs []string  `json:"redirectUris" nullable:"false"`
	Confidential bool      `json:"confidential" doc:"Proves itself by a secret as well as by PKCE"`
	CreatedBy    uuid.UUID `json:"createdBy"`
	CreatedAt    time.Time `json:"createdAt"`
	PostLogout   []string  `json:"postLogoutRedirectUris" nullable:"false" doc:"Where people may be sent after signing out"`
	Version      int64     `json:"version" doc:"Grows with every change; send it back as If-Match"`
}

// Wish is what owners say of a program.
type Wish struct {
	Name         string
	RedirectURIs []string
	PostLogout   []string
}

// check cleans a wish and reports every problem at once.
func (w *Wish) check() error {
	w.Name = address.CleanName(w.Name)
	w.PostLogout = append([]string{}, w.PostLogout...)
	var fields []errs.Field
	for _, f := range []struct{ path, problem string }{
		{"name", address.CheckName(w.Name)},
		{"redirectUris", checkRedirects(w.RedirectURIs)},
		{"postLogoutRedirectUris", checkList(w.PostLogout)},
	} {
		if f.problem != "" {
			fields = append(fields, errs.Field{Path: "body." + f.path, Message: f.problem})
		}
	}
	if len(fields) > 0 {
		return errClient.WithFields(fields...)
	}
	return nil
}

// Made is a program with its secret, which is told once.
type Made struct {
	Registered
	Secret string `json:"secret,omitempty" doc:"Shown once; empty for a public program"`
}

// Registry is where a tenant's owners register programs.
type Registry struct {
	Identity *pgxpool.Pool          // of the role identity
	DB       *db.DB                 // the tenant's data: its audit log
	Forget   func(tenant uuid.UUID) // drops what this process remembers; the others hear of it by a hint
}

// The errors that callers can tell apart.
var (
	ErrNotFound = errs.NotFound("no_such_client", "Your organisation has registered no such program.")
	ErrTooMany  = errs.Conflict("too_many_clients", "An organisation registers at most 50 programs. Remove one that is no longer used.")
	ErrChanged  = errs.Changed("client_changed", "Somebody else has changed this program meanwhile. Load it again, then repeat your change.")
	ErrPeople   = errs.Forbidden("people_only", "Only people register, change and remove programs.")
	ErrPublic   = errs.Conflict("public_client", "This program is public, so it has no secret.")

	errClient = errs.Invalid("invalid_client", "The program cannot be registered like this; see errors.")
)

// List returns the tenant's programs.
func (r *Registry) List(ctx context.Context) (found []Registered, err error) {
	err = r.access().InTenant(ctx, policy.ClientRead, func(tx pgx.Tx, scope tenancy.Scope) error {
		found, err = list(ctx, tx, scope.Tenant)
		return err
	})
	return found, err
}

// Get returns one program.
func (r *Registry) Get(ctx context.Context, id string) (c Registered, err error) {
	err = r.access().InTenant(ctx, policy.ClientRead, func(tx pgx.Tx, scope tenancy.Scope) error {
		c, err = get(ctx, tx, scope.Tenant, id)
		return err
	})
	return c, err
}

// Add registers a program.
func (r *Registry) Add(ctx context.Context, wish Wish, confidential bool) (made Made, err error) {
	if err := wish.check(); err != nil {
		return Made{}, err
	}
	made.Registered = Registered{
		ID: uuid.Must(uuid.NewV7()).String(), Name: wish.Name, RedirectURIs: wish.RedirectURIs, PostLogout: wish.PostLogout, Confidential: confidential, Version: 1,
	}
	var hash []byte
	if confidential {
		made.Secret, hash = opaque.New()
	}
	err = r.change(ctx, func(tx pgx.Tx, scope tenancy.Scope) error {
		made.CreatedBy = scope.User
		if err := insert(ctx, tx, scope.Tenant, &made.Registered, hash); err != nil {
			return err
		}
		return r.record(ctx, audit.Entry{Action: "client.registered", Target: made.ID, After: made.detail()})
	})
	return made, err
}

func (c Registered) detail() map[string]any {
	return map[string]any{"name": c.Name, "redirectUris": c.RedirectURIs, "postLogoutRedirectUris": c.PostLogout, "confidential": c.Confidential}
}

// Change gives a program whose version is still the one that the caller saw another name and other addresses. What people
// have allowed and signed in to goes on.
func (r *Registry) Change(ctx context.Context, id string, version int64, wish Wish) (now Registered, err error) {
	if err := wish.check(); err != nil {
		return Registered{}, err
	}
	err = r.change(ctx, func(tx pgx.Tx, scope tenancy.Scope) error {
		if now, err = get(ctx, tx, scope.Tenant, id); err != nil {
			return err
		}
		if now.Version != version {
			return ErrChanged
		}
		before := now.detail()
		now.Name, now.RedirectURIs, now.PostLogout, now.Version = wish.Name, wish.RedirectURIs, wish.PostLogout, version+1
		if err := update(ctx, tx, scope.Tenant, now); err != nil {
			return err
		}
		return r.record(ctx, audit.Entry{Action: "client.changed", Target: id, Before: before, After: now.detail()})
	})
	return now, err
}

// Rotate gives a confidential program another secret; the old one ends at once.
func (r *Registry) Rotate(ctx context.Context, id string) (made Made, err error) {
	secret, hash := opaque.New()
	err = r.change(ctx, func(tx pgx.Tx, scope tenancy.Scope) error {
		if made.Registered, err = get(ctx, tx, scope.Tenant, id); err != nil {
			return err
		}
		if !made.Confidential {
			return ErrPublic
		}
		if err := updateSecret(ctx, tx, scope.Tenant, id, hash); err != nil {
			return err
		}
		return r.record(ctx, audit.Entry{Action: "client.secret_rotated", Target: id, Detail: map[string]any{"name": made.Name}})
	})
	made.Secret = secret
	return made, err
}

// Remove ends a program with every sign-in that it has.
func (r *Registry) Remove(ctx context.Context, id string) error {
	return r.change(ctx, func(tx pgx.Tx, scope tenancy.Scope) error {
		c, err := get(ctx, tx, scope.Tenant, id)
		if err != nil {
			return err
		}
		if err := remove(ctx, tx, scope.Tenant, id); err != nil {
			return err
		}
		return r.record(ctx, audit.Entry{Action: "client.removed", Target: id, Before: c.detail()})
	})
}

// change runs fn on the tenant's programs, one change at a time. Its entry in the tenant's log commits first, see package
// member.
func (r *Registry) change(ctx context.Context, fn func(pgx.Tx, tenancy.Scope) error) error {
	var tenant uuid.UUID
	err := r.access().ByPerson(ctx, policy.ClientWrite, "clients", ErrPeople, func(tx pgx.Tx, scope tenancy.Scope, _ tenancy.Role) error {
		tenant = scope.Tenant
		return fn(tx, scope)
	})
	if err == nil {
		r.Forget(tenant)
	}
	return err
}

func (r *Registry) record(ctx context.Context, e audit.Entry) error {
	return r.DB.InWholeTenant(ctx, policy.ClientWrite, func(tx pgx.Tx) error { return audit.Add(ctx, tx, e) })
}

func (r *Registry) access() scoped.Access { return scoped.Access{Identity: r.Identity, DB: r.DB} }

// host is what may stand for a host in a redirect address. The address goes into a header of our pages.
var host = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)

// checkRedirects returns what is wrong with redirect addresses, or "".
func checkRedirects(list []string) string {
	if len(list) == 0 {
		return "Give at least one address to which people come back."
	}
	return checkList(list)
}

// checkList returns what is wrong with addresses to which browsers are sent, or "".
func checkList(list []string) string {
	if len(list) > maxRedirects {
		return "Give at most 10 addresses."
	}
	for i, text := range list {
		if problem := checkRedirect(text); problem != "" {
			return problem
		}
		if slices.Contains(list[:i], text) {
			return "Each address stands once."
		}
	}
	return ""
}

func checkRedirect(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || len(text) > maxRedirect || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }):
		return "Give whole addresses, such as https://example.com/callback."
	case strings.Contains(text, "#"):
		return "An address must not have a fragment (#)."
	case u.User != nil || strings.ContainsAny(text, "*\\"):
		return "An address must not have a user name, a backslash or a wildcard: it is compared as it stands."
	case u.Scheme == "http" && loopback(u.Hostname()):
		return ""
	case u.Scheme != "https":
		return "Addresses begin with https://, or with http://127.0.0.1, http://[::1] or http://localhost."
	case !host.MatchString(u.Hostname()):
		return "The host of an address has letters, digits, dots and hyphens."
	}
	return ""
}

func loopback(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || (ip != nil && ip.IsLoopback())
}
