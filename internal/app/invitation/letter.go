package invitation

import (
	"context"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/letter"
)

// The kinds of letters.
const (
	memberLetter = "invitation"
	ownerLetter  = "invitation.owner"
)

// send queues the letter in tx. It goes to an address that a member has typed, and is in the organisation's language: the
// reader's own would tell who has an account. The token is behind a #, which no server sees.
func (s *Service) send(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, kind string, i Invitation, token string) error {
	return s.Letters.Send(ctx, tx, letter.Draft{
		Kind: kind, Tenant: tenant, To: i.Email, About: i.ID,
		Values: map[string]string{"link": s.PublicURL + "/invitation#token=" + url.QueryEscape(token)},
	})
}

// signIn is where the people of a tenant sign in.
func (s *Service) signIn(name string) string {
	return s.PublicURL + "/?" + url.Values{"tenant": {name}}.Encode()
}
