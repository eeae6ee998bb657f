package invitation

import (
	"context"
	"fmt"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

// send queues the mail in tx. It goes to an address that a member has typed, so of what members type the organisation's
// title alone is in it. The token is behind a #, which no server sees.
func (s *Service) send(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, i Invitation, token string) error {
	title, _, err := readTenant(ctx, tx, tenant)
	if err != nil {
		return err
	}
	l := mail.Letter{
		Brand: title, Title: "You are invited to " + title,
		Paragraphs: []string{"An administrator of " + title + " invites you to its labs. You need nothing but a browser."},
		Button:     "Accept", Link: s.PublicURL + "/invitation#token=" + url.QueryEscape(token),
		Closing: []string{
			"The link works once, within 7 days, and is for you alone: do not pass it on.",
			"You do not know this organisation? Do nothing: nobody is let in and no account is made without the link.",
		},
	}
	m := mail.Message{Tenant: tenant, To: i.Email, Subject: "You are invited to " + title, Kind: "invitation"}
	if m.Text, m.HTML, err = l.Render(); err != nil {
		return fmt.Errorf("write invitation: %w", err)
	}
	return s.Mail.Send(ctx, tx, m)
}

// signIn is where the people of a tenant sign in.
func (s *Service) signIn(name string) string {
	return s.PublicURL + "/?" + url.Values{"tenant": {name}}.Encode()
}
