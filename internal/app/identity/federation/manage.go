package federation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/outbound"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Errors of a tenant's administrators.
var (
	ErrName    = errs.Conflict("identity_provider_name", "Your organisation has an identity provider of this name. Choose another name.")
	ErrMany    = errs.Conflict("identity_providers", "Your organisation has as many identity providers as it can have. Remove one first.")
	ErrChanged = errs.Changed("identity_provider_changed", "Somebody else has changed this meanwhile. Load it again, then repeat your change.")
	ErrLast    = errs.Conflict("last_identity_provider", "People of your organisation may sign in only by its identity providers, and this is the last one that is on. Allow other ways first.")
	ErrNone    = errs.Conflict("no_identity_provider", "No identity provider of your organisation is on, so nobody could sign in. Add one and test it first.")

	errSettings = errs.Invalid("invalid_identity_provider", "The identity provider cannot be like this; see errors.")
	errNoScope  = errs.Unauthenticated("sign_in_required", "Sign in to continue.")
)

// Draft is what an administrator sets.
type Draft struct {
	Name     string
	Issuer   string
	ClientID string
	Secret   *string // nil: as it is; "": a public client
	Settings
}

func secretPurpose(provider uuid.UUID) string { return "federation client secret " + provider.String() }

// check cleans a draft and reports every problem at once.
func (s *Service) check(d *Draft) error {
	var fields []errs.Field
	problem := func(wrong bool, path, message string) {
		if wrong {
			fields = append(fields, errs.Field{Path: "body." + path, Message: message})
		}
	}
	d.Name, d.Issuer, d.ClientID = address.CleanName(d.Name), strings.TrimSpace(d.Issuer), strings.TrimSpace(d.ClientID)
	problem(d.Name == "" || len([]rune(d.Name)) > 60, "name", "Give it a name of up to 60 characters, such as Acme.")
	err := s.CheckURL(d.Issuer)
	problem(errors.Is(err, outbound.ErrAddress), "issuer", "This address is in a private network, which the program does not call.")
	problem(err != nil && !errors.Is(err, outbound.ErrAddress), "issuer", "The issuer is an address that begins with https://, as your provider's documentation says.")
	problem(strings.ContainsAny(d.Issuer, "?#"), "issuer", "An issuer has no ? and no #.")
	problem(d.ClientID == "" || strings.ContainsFunc(d.ClientID, unicode.IsControl), "clientId", "Copy the client id from your provider.")
	problem(d.Secret != nil && strings.ContainsFunc(*d.Secret, unicode.IsControl), "clientSecret", "The client secret has no line breaks.")
	for _, scope := range d.Scopes {
		problem(scope == "" || strings.ContainsFunc(scope, notVisible), "scopes", "A scope is one word.")
	}
	if !slices.Contains(d.Scopes, "openid") {
		d.Scopes = append([]string{"openid"}, d.Scopes...)
	}
	for value, role := range d.Roles {
		problem(rank(role) < 0, "roles", "Roles are admin, author, instructor and learner; owners are made by hand.")
		problem(strings.ContainsRune(value, 0), "roles", "A value is plain text.")
	}
	for value, group := range d.Groups {
		problem(strings.TrimSpace(group) == "" || strings.ContainsRune(value+group, 0), "groups", "Name a group for every value.")
	}
	problem(rank(d.DefaultRole) < 0, "defaultRole", "The role is admin, author, instructor or learner.")
	for path, claim := range map[string]string{"nameClaim": d.NameClaim, "roleClaim": d.RoleClaim, "groupClaim": d.GroupClaim} {
		problem(strings.ContainsFunc(claim, notVisible), path, "A claim's name is one word.")
	}
	if len(fields) > 0 {
		return errSettings.WithFields(fields...)
	}
	return nil
}

func notVisible(r rune) bool { return r <= ' ' || r == 0x7f }

// List returns the tenant's providers and its rule.
func (s *Service) List(ctx context.Context) (found []*Provider, rule Rule, err error) {
	err = s.with(ctx, policy.IDPRead, func(tx pgx.Tx, scope tenancy.Scope) error {
		if found, err = readAll(ctx, tx, scope.Tenant); err != nil {
			return err
		}
		rule, err = readRule(ctx, tx, scope.Tenant)
		return err
	})
	return found, rule, err
}

// Get returns a provider of the tenant.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (p *Provider, err error) {
	err = s.with(ctx, policy.IDPRead, func(tx pgx.Tx, scope tenancy.Scope) error {
		p, err = get(ctx, tx, scope.Tenant, id)
		return err
	})
	return p, err
}

// Create adds a provider.
func (s *Service) Create(ctx context.Context, d Draft) (p *Provider, err error) {
	if err := s.check(&d); err != nil {
		return nil, err
	}
	err = s.with(ctx, policy.IDPWrite, func(tx pgx.Tx, scope tenancy.Scope) error {
		if err := lockProviders(ctx, tx, scope.Tenant); err != nil {
			return err
		}
		all, err := readAll(ctx, tx, scope.Tenant)
		if err != nil {
			return err
		}
		if len(all) >= maxProviders {
			return ErrMany
		}
		p = &Provider{ID: uuid.Must(uuid.NewV7()), Tenant: scope.Tenant}
		if err := s.apply(p, d, scope); err != nil {
			return err
		}
		if p, err = insert(ctx, tx, p); err != nil {
			return err
		}
		return s.audit(ctx, "identity_provider.added", p, nil, p.shown())
	})
	return p, err
}

// apply takes a draft over. A secret is for the issuer and client that it was entered for: it is never sent to another.
func (s *Service) apply(p *Provider, d Draft, by tenancy.Scope) error {
	if d.Secret == nil && p.sealed != nil && (p.Issuer != d.Issuer || p.ClientID != d.ClientID) {
		return errSettings.WithFields(errs.Field{Path: "body.clientSecret", Message: "Enter the client secret again: it was for another issuer or client."})
	}
	same := p.Issuer == d.Issuer && p.ClientID == d.ClientID && d.Secret == nil
	if d.Secret != nil {
		p.sealed = nil
		if *d.Secret != "" {
			sealed, err := s.Key.Seal(secretPurpose(p.ID), []byte(*d.Secret))
			if err != nil {
				return err
			}
			p.sealed = sealed
		}
	}
	p.Name, p.Issuer, p.ClientID, p.Settings = d.Name, d.Issuer, d.ClientID, d.Settings
	p.ByOwner = by.Role == tenancy.RoleOwner || same && p.ByOwner
	return nil
}

// Update changes a provider that is still at a version.
func (s *Service) Update(ctx context.Context, id uuid.UUID, version int64, d Draft) (p *Provider, err error) {
	err = s.with(ctx, policy.IDPWrite, func(tx pgx.Tx, scope tenancy.Scope) error {
		if err := lockProviders(ctx, tx, scope.Tenant); err != nil {
			return err
		}
		now, err := get(ctx, tx, scope.Tenant, id)
		if err != nil {
			return err
		}
		before := *now
		if now.Version != version {
			return ErrChanged
		}
		if err := s.check(&d); err != nil {
			return err
		}
		if err := s.apply(now, d, scope); err != nil {
			return err
		}
		if p, err = update(ctx, tx, now); err != nil {
			return err
		}
		if err := s.follow(ctx, tx, &before, p); err != nil {
			return err
		}
		return s.audit(ctx, "identity_provider.changed", p, before.shown(), p.shown())
	})
	return p, err
}

// follow does what a change means for those whom the provider signed in.
func (s *Service) follow(ctx context.Context, tx pgx.Tx, before, now *Provider) error {
	if before.Issuer != now.Issuer {
		if err := forgetIdentities(ctx, tx, now.ID); err != nil {
			return err
		}
	}
	if before.Issuer == now.Issuer && now.Enabled {
		return nil
	}
	if err := endSessions(ctx, tx, now.ID); err != nil {
		return err
	}
	if now.Enabled {
		return nil
	}
	return keepDoor(ctx, tx, now.Tenant)
}

// Remove removes a provider; whom it signed in is signed out.
func (s *Service) Remove(ctx context.Context, id uuid.UUID, version int64) error {
	return s.with(ctx, policy.IDPWrite, func(tx pgx.Tx, scope tenancy.Scope) error {
		if err := lockProviders(ctx, tx, scope.Tenant); err != nil {
			return err
		}
		p, err := get(ctx, tx, scope.Tenant, id)
		if err != nil {
			return err
		}
		if p.Version != version {
			return ErrChanged
		}
		if err := remove(ctx, tx, scope.Tenant, id); err != nil {
			return err
		}
		if p.Enabled {
			if err := keepDoor(ctx, tx, scope.Tenant); err != nil {
				return err
			}
		}
		return s.audit(ctx, "identity_provider.removed", p, p.shown(), nil)
	})
}

// keepDoor refuses a change that leaves a tenant whose people come in only by its providers without one.
func keepDoor(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	rule, err := readRule(ctx, tx, tenant)
	if err != nil || !rule.OnlyThrough {
		return err
	}
	open, err := anyEnabled(ctx, tx, tenant)
	if err != nil || open {
		return err
	}
	return ErrLast
}

// SetRule changes how people may sign in. When only the tenant's providers let people in from now on, sign-ins by other
// means end at once, but for owners.
func (s *Service) SetRule(ctx context.Context, only bool, version int64) (rule Rule, err error) {
	err = s.with(ctx, policy.IDPWrite, func(tx pgx.Tx, scope tenancy.Scope) error {
		if err := lockProviders(ctx, tx, scope.Tenant); err != nil {
			return err
		}
		now, err := readRule(ctx, tx, scope.Tenant)
		if err != nil {
			return err
		}
		if now.Version != version {
			return ErrChanged
		}
		if only {
			if open, err := anyEnabled(ctx, tx, scope.Tenant); err != nil {
				return err
			} else if !open {
				return ErrNone
			}
		}
		if rule, err = writeRule(ctx, tx, scope.Tenant, only); err != nil {
			return err
		}
		if only && !now.OnlyThrough {
			if err := endOthers(ctx, tx, scope.Tenant); err != nil {
				return err
			}
		}
		return s.DB.InWholeTenant(ctx, policy.IDPWrite, func(data pgx.Tx) error {
			return audit.Changed(ctx, data, "sign_in.rule_changed", scope.Tenant.String(),
				map[string]any{"onlyThroughIdentityProvider": now.OnlyThrough}, map[string]any{"onlyThroughIdentityProvider": only})
		})
	})
	return rule, err
}

// Test tries a provider without a person.
func (s *Service) Test(ctx context.Context, id uuid.UUID) ([]Step, error) {
	p, in, err := s.tested(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.probe(ctx, p, in)
}

// TestSignIn returns an address at which a browser signs in without effect.
func (s *Service) TestSignIn(ctx context.Context, id uuid.UUID) (string, error) {
	p, in, err := s.tested(ctx, id)
	if err != nil {
		return "", err
	}
	return s.beginTest(ctx, p, in)
}

func (s *Service) tested(ctx context.Context, id uuid.UUID) (p *Provider, in access.Pool, err error) {
	err = s.with(ctx, policy.IDPWrite, func(tx pgx.Tx, scope tenancy.Scope) error {
		p, err = get(ctx, tx, scope.Tenant, id)
		return err
	})
	if err == nil {
		in, err = s.poolOf(ctx, p.Tenant)
	}
	return p, in, err
}

// with runs fn for the caller's tenant in a transaction of identity, if the caller has the permission.
func (s *Service) with(ctx context.Context, need tenancy.Permission, fn func(tx pgx.Tx, scope tenancy.Scope) error) error {
	scope, ok := tenancy.From(ctx)
	if !ok || scope.Tenant == uuid.Nil {
		return errNoScope
	}
	if err := s.DB.Allow(ctx, need, tenancy.Whole{}); err != nil {
		return err
	}
	return s.inTenant(ctx, scope.Tenant, func(tx pgx.Tx) error { return fn(tx, scope) })
}

// audit writes into the tenant's log before the change commits.
func (s *Service) audit(ctx context.Context, action string, p *Provider, before, after map[string]any) error {
	return s.DB.InWholeTenant(ctx, policy.IDPWrite, func(tx pgx.Tx) error {
		return audit.Add(ctx, tx, audit.Entry{
			Action: action, Target: p.ID.String(), Detail: map[string]any{"name": p.Name, "issuer": p.Issuer, "enabled": p.Enabled}, Before: before, After: after,
		})
	})
}

// shown is what the log says of a provider. The secret is there so that a change of it shows; its name keeps its value out.
func (p *Provider) shown() map[string]any {
	return map[string]any{
		"name": p.Name, "issuer": p.Issuer, "clientId": p.ClientID, "clientSecret": p.sealed, "scopes": p.Scopes, "nameClaim": p.NameClaim,
		"roleClaim": p.RoleClaim, "groupClaim": p.GroupClaim, "roles": p.Roles, "defaultRole": p.DefaultRole, "groups": p.Groups,
		"justInTime": p.JustInTime, "secondStep": p.SecondStep, "enabled": p.Enabled,
	}
}
