// Package machine is about machine clients: programs that act by themselves in one tenant, with a role of their own. People
// of the tenant make them; a client gets tokens for its secret (client_credentials) and no one signs in.
package machine

import (
	"context"
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/scoped"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// TokenLife is how long tokens of machine clients are good at most.
const TokenLife = 10 * time.Minute

// maxClients is how many a tenant has at most.
const maxClients = 50

// Client is one machine client.
type Client struct {
	ID         uuid.UUID    `json:"id" doc:"client_id of the program, and the subject of its tokens"`
	Name       string       `json:"name"`
	Role       tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner"`
	CreatedBy  uuid.UUID    `json:"createdBy"`
	CreatedAt  time.Time    `json:"createdAt"`
	ExpiresAt  time.Time    `json:"expiresAt"`
	LastUsedAt *time.Time   `json:"lastUsedAt,omitempty" doc:"When it last got a token"`
}

// Resource implements tenancy.Resource.
func (c Client) Resource() tenancy.Entity {
	return tenancy.Entity{Kind: "Machine", ID: c.ID.String(), Attributes: map[string]any{"role": string(c.Role)}}
}

// Made is a client with its secret, which is told once.
type Made struct {
	Client
	Secret string `json:"secret" doc:"Shown once"`
}

// Proved is a client that has shown its secret.
type Proved struct {
	ID, Tenant, Secret uuid.UUID // Secret is the id of the secret, not the secret
	ExpiresAt          time.Time
}

// Service makes machine clients and tells who they are.
type Service struct {
	Identity *pgxpool.Pool // of the role identity
	DB       *db.DB        // the tenant's data: its audit log; not needed to authenticate
	Now      func() time.Time
	Forget   func(id uuid.UUID) // drops what this process remembers; the others hear of it by a hint
}

// The errors that callers can tell apart.
var (
	ErrNotFound = errs.NotFound("no_such_machine_client", "Your organisation has no such machine client.")
	ErrTooMany  = errs.Conflict("too_many_machine_clients", "An organisation has at most 50 machine clients. Remove one that is no longer used.")
	ErrAbove    = errs.Forbidden("role_above_own", "You cannot make or change a machine client with a role above your own. Ask an owner.")
	ErrPeople   = errs.Forbidden("people_only", "Only people make, change and remove machine clients, not machine clients themselves.")

	errClient = errs.Invalid("invalid_machine_client", "The machine client cannot be made like this; see errors.")
)

// rank orders the roles; 0 is none.
func rank(r tenancy.Role) int {
	return map[tenancy.Role]int{
		tenancy.RoleOwner: 5, tenancy.RoleAdmin: 4, tenancy.RoleAuthor: 3, tenancy.RoleInstructor: 2, tenancy.RoleLearner: 1,
	}[r]
}

// List returns the tenant's machine clients, the latest first.
func (s *Service) List(ctx context.Context) (found []Client, err error) {
	err = s.access().InTenant(ctx, policy.MachineRead, func(tx pgx.Tx, scope tenancy.Scope) error {
		found, err = readAll(ctx, tx, scope.Tenant)
		return err
	})
	if err != nil {
		return nil, err
	}
	return db.Visible(ctx, s.DB, policy.MachineRead, found)
}

// Add makes a machine client whose role is at most the caller's.
func (s *Service) Add(ctx context.Context, name string, role tenancy.Role, life time.Duration) (made Made, err error) {
	name = address.CleanName(name)
	if problem := address.CheckName(name); problem != "" {
		return Made{}, errClient.WithFields(errs.Field{Path: "body.name", Message: problem})
	}
	secret, hash := opaque.New()
	made = Made{Secret: secret, Client: Client{ID: uuid.Must(uuid.NewV7()), Name: name, Role: role, ExpiresAt: s.Now().Add(life)}}
	err = s.change(ctx, func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error {
		if rank(role) == 0 || rank(role) > rank(own) {
			return ErrAbove
		}
		made.CreatedBy = scope.User
		if err := s.DB.Allow(ctx, policy.MachineWrite, made.Client); err != nil {
			return err
		}
		if err := insert(ctx, tx, scope.Tenant, &made.Client, hash); err != nil {
			return err
		}
		return s.record(ctx, made.ID, audit.Entry{Action: "machine.created", After: made.shown()})
	})
	return made, err
}

// Rotate gives a client another secret and life. The old secret and its tokens end at once.
func (s *Service) Rotate(ctx context.Context, id uuid.UUID, life time.Duration) (made Made, err error) {
	var hash []byte
	made.Secret, hash = opaque.New()
	err = s.changeOne(ctx, id, func(tx pgx.Tx, scope tenancy.Scope, now Client) error {
		made.Client = now
		made.ExpiresAt = s.Now().Add(life)
		if err := updateSecret(ctx, tx, scope.Tenant, id, hash, made.ExpiresAt); err != nil {
			return err
		}
		return s.record(ctx, id, audit.Entry{Action: "machine.secret_rotated", Detail: map[string]any{"name": now.Name}, Before: now.shown(), After: made.shown()})
	})
	return made, err
}

// Remove ends a client and its tokens.
func (s *Service) Remove(ctx context.Context, id uuid.UUID) error {
	return s.changeOne(ctx, id, func(tx pgx.Tx, scope tenancy.Scope, now Client) error {
		if err := remove(ctx, tx, scope.Tenant, id); err != nil {
			return err
		}
		return s.record(ctx, id, audit.Entry{Action: "machine.removed", Before: now.shown()})
	})
}

// Authenticate finds the client that a request is of, in the pool of its tenant, and checks its secret.
func (s *Service) Authenticate(ctx context.Context, pool access.Pool, r *http.Request) (Proved, error) {
	text, secret, err := client.Credentials(r)
	if err != nil {
		return Proved{}, err
	}
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return Proved{}, refusal("the client id is none of a machine client")
	}
	found, hash, ok, err := s.find(ctx, pool, id)
	switch {
	case err != nil:
		return Proved{}, err
	case !ok:
		return Proved{}, refusal("the pool has no such machine client")
	case subtle.ConstantTimeCompare(hash, opaque.Hash(secret)) != 1:
		return Proved{}, refusal("the machine client's secret is not right")
	case !s.Now().Before(found.ExpiresAt):
		return Proved{}, refusal("the machine client's secret has expired")
	}
	return found, nil
}

// refusal is the same to the caller for every reason, which is for the log.
func refusal(reason string) error {
	return oidc.ErrInvalidClient().WithDescription("there is no such machine client, its secret is not right, or it has expired").
		WithParent(oidc.ErrInvalidClient().WithDescription("%s", reason))
}

// changeOne runs fn on a client whose role is at most the caller's.
func (s *Service) changeOne(ctx context.Context, id uuid.UUID, fn func(tx pgx.Tx, scope tenancy.Scope, now Client) error) error {
	err := s.change(ctx, func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error {
		now, err := get(ctx, tx, scope.Tenant, id)
		if err != nil {
			return err
		}
		if rank(now.Role) > rank(own) {
			return ErrAbove
		}
		if err := s.DB.Allow(ctx, policy.MachineWrite, now); err != nil {
			return err
		}
		return fn(tx, scope, now)
	})
	if err == nil {
		s.Forget(id)
	}
	return err
}

// change runs fn on the tenant's machine clients. The entry in the tenant's log commits first, see package member.
func (s *Service) change(ctx context.Context, fn func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error) error {
	return s.access().ByPerson(ctx, policy.MachineWrite, "machine clients", ErrPeople, fn)
}

func (s *Service) access() scoped.Access { return scoped.Access{Identity: s.Identity, DB: s.DB} }

func (s *Service) record(ctx context.Context, id uuid.UUID, e audit.Entry) error {
	e.Target = id.String()
	return s.DB.InWholeTenant(ctx, policy.MachineWrite, func(tx pgx.Tx) error { return audit.Add(ctx, tx, e) })
}

// shown is what the log says of a client.
func (c Client) shown() map[string]any {
	return map[string]any{"name": c.Name, "role": c.Role, "expiresAt": c.ExpiresAt}
}
