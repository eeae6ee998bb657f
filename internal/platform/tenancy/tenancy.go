// Package tenancy carries who acts, and for which tenant, through a context. Everything that touches tenant data takes
// its scope from here and from nowhere else.
package tenancy

import (
	"cmp"
	"context"

	"github.com/google/uuid"
)

// Permission names one thing that a caller may be allowed to do, such as "lab.write".
type Permission string

// Role is what a member is in a tenant.
type Role string

// The roles, from the most to the least powerful. RoleSystem is the program itself, in jobs.
const (
	RoleOwner      Role = "owner"
	RoleAdmin      Role = "admin"
	RoleAuthor     Role = "author"
	RoleInstructor Role = "instructor"
	RoleLearner    Role = "learner"
	RoleSystem     Role = "system"
)

// Kind is what kind of actor somebody is.
type Kind string

// The kinds of actors.
const (
	Person   Kind = "person"
	Machine  Kind = "machine"  // a machine client
	APIKey   Kind = "key"      // an API key
	Operator Kind = "operator" // of the installation, in a tenant that is not theirs or on the installation itself
	Program  Kind = "program"  // the program itself
)

// Scope is who acts for which tenant. The claims of a token carry ids only; Role and Operator come from the server's own rows.
type Scope struct {
	Tenant   uuid.UUID
	User     uuid.UUID // the zero UUID for RoleSystem
	Role     Role
	Operator bool      // the user runs the installation
	Session  uuid.UUID // the sign-in that the access token came from; the zero UUID where there is none
	Machine  bool      // the caller is a machine client; Session is its secret
	Key      uuid.UUID // the API key that the caller came with; the zero UUID where there is none
	Maker    uuid.UUID // who made Key, where it is the tenant's own: policies hold for it as for its maker's groups
	Request  string    // request id, for the log and the audit
	Address  string    // network address that the request came from, for the audit
	Client   string    // by what a person asks: "console", "cli" or "program", another one; empty: the console
	Kind     Kind      // what kind of actor it is; empty: a person, or the program itself without a user

	// Grants are the only permissions that count, of those that Role has; nil restricts nothing.
	Grants []Permission
}

// Peer is the person or machine client in whose groups the caller is: an API key of the tenant is in its maker's.
func (s Scope) Peer() uuid.UUID {
	if s.Maker != uuid.Nil {
		return s.Maker
	}
	return s.User
}

// By is what the caller's rights end with before the caller does: an API key, or the secret of a machine client. It is the
// zero UUID for people.
func (s Scope) By() uuid.UUID {
	if s.Key == uuid.Nil && s.Machine {
		return s.Session
	}
	return s.Key
}

// Through is by what the caller asks: "key", "machine", or what Client says.
func (s Scope) Through() string {
	switch {
	case s.Key != uuid.Nil:
		return "key"
	case s.Machine || s.Kind == Machine:
		return "machine"
	default:
		return cmp.Or(s.Client, "console")
	}
}

// Hold is what a stream that the caller opens ends with: what By is, or a person's own sign-in.
func (s Scope) Hold() uuid.UUID {
	if by := s.By(); by != uuid.Nil {
		return by
	}
	return s.Session
}

// Actor is what kind of actor the scope is of.
func (s Scope) Actor() Kind {
	switch {
	case s.Kind != "":
		return s.Kind
	case s.User == uuid.Nil:
		return Program
	default:
		return Person
	}
}

// Origin is which request something is done for, and where it came from. It stays when another scope is entered on the way.
type Origin struct {
	Request string // its id
	Address string // of the network
}

type originKey struct{}

// WithOrigin returns a context of the request.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf is the request that ctx belongs to; nothing where there is none. What the scope says of it comes first.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	if s, ok := From(ctx); ok {
		o.Request, o.Address = cmp.Or(s.Request, o.Request), cmp.Or(s.Address, o.Address)
	}
	return o
}

// DefaultTenant is the tenant that individuals share who sign up by themselves. Its id is the same in every installation.
func DefaultTenant() uuid.UUID {
	return uuid.UUID{6: 0x70, 8: 0x80, 15: 1} // 00000000-0000-7000-8000-000000000001
}

type contextKey struct{}

// With returns a context that carries the scope.
func With(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, contextKey{}, s)
}

// From returns the scope that the context carries; without one nothing may touch tenant data.
func From(ctx context.Context) (Scope, bool) {
	s, ok := ctx.Value(contextKey{}).(Scope)
	return s, ok
}

// System returns a context in which the program itself acts for a tenant.
func System(ctx context.Context, tenant uuid.UUID) context.Context {
	return With(ctx, Scope{Tenant: tenant, Role: RoleSystem})
}
