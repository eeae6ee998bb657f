package identity

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/grant"
)

// chosenTenant is the tenant that a user's token will be for, if they may act in it.
func (s *Service) chosenTenant(ctx context.Context, a *authorization, user uuid.UUID) (tenant uuid.UUID, err error) {
	if a.portal != nil {
		tenant = a.portal.ID
	} else if tenant, err = s.homeTenant(ctx, user); err != nil {
		return uuid.Nil, err
	}
	_, err = s.ReadMember(ctx, user, tenant)
	if a.portal != nil && errors.Is(err, access.ErrNotMember) {
		return uuid.Nil, access.ErrNotMember.Because("You are not a member of %s with this account. Sign in with another account, or ask one of its administrators to add you.", a.portal.Title)
	}
	return tenant, err
}

// giveCode makes a code for the client that asks, for the tenant that is asked for or the user's own.
func (s *Service) giveCode(ctx context.Context, pool Pool, a *authorization, b browser.Session) (string, error) {
	tenant, err := s.chosenTenant(ctx, a, b.User)
	if err != nil {
		return "", err
	}
	return s.grants.GiveCode(ctx, pool, &grant.Grant{
		User: b.User, Tenant: tenant, Session: uuid.NullUUID{UUID: b.ID, Valid: true}, Methods: b.Methods, SignedInAt: b.SignedInAt,
		Asked: grant.Asked{Client: a.ClientID, Redirect: a.RedirectURI, Scopes: a.Scopes, Nonce: a.Nonce, Challenge: a.CodeChallenge},
	})
}
