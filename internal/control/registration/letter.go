package registration

import (
	"fmt"
	"net/url"

	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

// product writes where no tenant does yet.
const product = "Cloudkida"

// proofLetter goes to an address that anybody can have typed. So nothing that they typed is in it but the name, which has
// letters, digits and hyphens only: we carry nobody's words to strangers. The token is behind a #, which no server sees.
func (s *Service) proofLetter(w Wish, token string) (mail.Message, error) {
	l := mail.Letter{
		Brand: product, Title: "Confirm your e-mail address",
		Paragraphs: []string{"Somebody, probably you, registered the organisation “" + w.Name + "” at " + product + " with this address. Confirm it, and your organisation is set up at once."},
		Button:     "Confirm", Link: s.PublicURL + "/register/confirm#token=" + url.QueryEscape(token),
		Closing: []string{"The link works for 24 hours. If this was not you, do nothing: nothing has been set up."},
	}
	m := mail.Message{To: w.Email, Subject: "Confirm your e-mail address for " + w.Name, Kind: "registration.confirm"}
	return fill(m, l)
}

// welcomeLetter goes to a proved address. It lets nobody in.
func (s *Service) welcomeLetter(r registration) (mail.Message, error) {
	l := mail.Letter{
		Brand: r.Title, Title: r.Title + " is ready",
		Paragraphs: []string{"You are its first owner: you can invite people, publish labs and change every setting."},
		Button:     "Sign in", Link: s.signIn(r.Name),
	}
	if !r.HasPassword {
		l.Closing = []string{"You have not chosen a password yet? Open the link of our first mail again: it leads you there for 24 hours."}
	}
	m := mail.Message{Tenant: r.Tenant.UUID, To: r.Email, Subject: r.Title + " is ready", Kind: "registration.welcome", Keep: true}
	return fill(m, l)
}

func fill(m mail.Message, l mail.Letter) (mail.Message, error) {
	var err error
	if m.Text, m.HTML, err = l.Render(); err != nil {
		return m, fmt.Errorf("%s: %w", m.Kind, err)
	}
	return m, nil
}

// signIn is where the people of a tenant sign in.
func (s *Service) signIn(name string) string {
	return s.PublicURL + "/?" + url.Values{"tenant": {name}}.Encode()
}
