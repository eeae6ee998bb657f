package registration

import (
	"net/url"

	"github.com/cloudkida/cloudkida/internal/platform/letter"
)

// proofLetter goes to an address that anybody can have typed. So nothing that they typed is in it but the name, which has
// letters, digits and hyphens only: we carry nobody's words to strangers. The token is behind a #, which no server sees.
func (s *Service) proofLetter(w Wish, token string) letter.Draft {
	return letter.Draft{
		Kind: "registration.confirm", To: w.Email, Locales: []string{w.Locale},
		Values: map[string]string{"name": w.Name, "link": s.PublicURL + "/register/confirm#token=" + url.QueryEscape(token)},
	}
}

// welcomeLetter goes to a proved address. It lets nobody in.
func (s *Service) welcomeLetter(r registration) letter.Draft {
	return letter.Draft{
		Kind: "registration.welcome", Tenant: r.Tenant.UUID, To: r.Email, Locales: []string{r.Locale}, About: r.Owner.UUID,
		Values: map[string]string{"link": s.signIn(r.Name)},
	}
}

// signIn is where the people of a tenant sign in.
func (s *Service) signIn(name string) string {
	return s.PublicURL + "/?" + url.Values{"tenant": {name}}.Encode()
}
