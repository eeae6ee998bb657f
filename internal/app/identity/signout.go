package identity

import (
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
)

// endSession signs the browser out (RP-initiated logout). A client that shows an ID token of the same user is believed;
// for anybody else the person is asked first, so that no link on a foreign page signs people out.
func (s *Service) endSession(w http.ResponseWriter, r *http.Request, pool Pool) error {
	request, err := op.ParseEndSessionRequest(r, s.provider.Decoder())
	if err != nil {
		return errBadRequest.Wrap(err)
	}
	b, signedIn, err := s.sessions.Find(r, pool)
	if err != nil {
		return err
	}
	over := pool.Path() + "/signed-out"
	believed := false
	if request.IdTokenHint != "" {
		checked, err := op.ValidateEndSessionRequest(r.Context(), request, s.provider)
		if err != nil {
			return errBadRequest.Wrap(err)
		}
		if checked.RedirectURI != "" && request.PostLogoutRedirectURI != "" {
			over = checked.RedirectURI
		}
		believed = checked.UserID == b.User.String()
	}
	if signedIn && !believed {
		if r.Method != http.MethodPost || request.IdTokenHint != "" {
			return s.show(w, r, pool, http.StatusOK, page.SignOut, page.Data{})
		}
		if err := s.readForm(r, pool); err != nil {
			return err
		}
	}
	if signedIn {
		if _, err := s.sessions.Close(r.Context(), b.User, b.ID); err != nil {
			return err
		}
	}
	browser.Drop(w, r, pool)
	http.Redirect(w, r, over, http.StatusSeeOther) //nolint:gosec // our own page, or an address that op found registered
	return nil
}

func (s *Service) showSignedOut(w http.ResponseWriter, r *http.Request, pool Pool) error {
	return s.show(w, r, pool, http.StatusOK, page.SignedOut, page.Data{})
}
