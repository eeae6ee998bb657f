package identity

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/grant"
)

// chosenTenant is the tenant that a session's token will be for, if its user may act in it.
func (s *Service) chosenTenant(ctx context.Context, a *authorization, b browser.Session) (tenant uuid.UUID, err error) {
	if a.portal != nil {
		tenant = a.portal.ID
	} else if b.Vouched.Valid {
		tenant = b.Vouched.UUID
	} else if tenant, err = s.homeTenant(ctx, b.User); err != nil {
		return uuid.Nil, err
	}
	m, err := s.ReadMember(ctx, b.User, tenant)
	if a.portal != nil && errors.Is(err, access.ErrNotMember) {
		return uuid.Nil, access.ErrNotMember.Because("You are not a member of %s with this account. Sign in with another account, or ask one of its administrators to add you.", a.portal.Title)
	}
	if err != nil {
		return uuid.Nil, err
	}
	return tenant, s.enterBy(ctx, a, b, tenant, m)
}

// giveCode makes a code for the client that asks, for the tenant that is asked for or the user's own.
func (s *Service) giveCode(ctx context.Context, pool Pool, a *authorization, b browser.Session) (string, error) {
	tenant, err := s.chosenTenant(ctx, a, b)
	if err != nil {
		return "", err
	}
	return s.grants.GiveCode(ctx, pool, &grant.Grant{
		User: b.User, Tenant: tenant, Session: uuid.NullUUID{UUID: b.ID, Valid: true}, Methods: b.Methods, SignedInAt: b.SignedInAt,
		Asked: grant.Asked{Client: a.ClientID, Redirect: a.RedirectURI, Scopes: a.Scopes, Nonce: a.Nonce, Challenge: a.CodeChallenge},
	})
}
