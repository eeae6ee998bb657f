package identity

import (
	"errors"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/page"
)

// endSession signs the browser out (RP-initiated logout). A client that shows an ID token of the same user is believed;
// for anybody else the person is asked first, so that no link on a foreign page signs people out.
func (s *Service) endSession(w http.ResponseWriter, r *http.Request, pool Pool) error {
	request, err := op.ParseEndSessionRequest(r, s.provider.Decoder())
	if err != nil {
		return errBadRequest.Wrap(err)
	}
	b, signedIn, err := s.session(r, pool)
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
		if err := s.closeSession(r.Context(), b); err != nil {
			return err
		}
	}
	if _, err := r.Cookie(sessionCookie(pool)); !errors.Is(err, http.ErrNoCookie) {
		dropCookie(w, sessionCookie(pool))
	}
	http.Redirect(w, r, over, http.StatusSeeOther) //nolint:gosec // our own page, or an address that op found registered
	return nil
}

func (s *Service) showSignedOut(w http.ResponseWriter, r *http.Request, pool Pool) error {
	return s.show(w, r, pool, http.StatusOK, page.SignedOut, page.Data{})
}
