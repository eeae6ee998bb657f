package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"

	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// formCookie ties forms to the browser that they were shown in.
const formCookie = "__Host-cloudkida-form"

var errForm = errs.Forbidden("form_not_ours", "This form is too old or was not sent from our page. Allow cookies for this site and start again.")

// formToken is the proof in a form that our page showed it to this browser: a mac of a random cookie. Other sites can
// neither read the page nor set a cookie of this name.
func (s *Service) formToken(w http.ResponseWriter, r *http.Request, pool Pool) string {
	if c, err := r.Cookie(formCookie); err == nil && len(c.Value) >= 32 && len(c.Value) <= 64 {
		return s.macForm(pool, c.Value)
	}
	value, _ := opaque.New()
	browser.SetCookie(w, formCookie, value, browser.Life)
	return s.macForm(pool, value)
}

func (s *Service) macForm(pool Pool, cookie string) string {
	mac := hmac.New(sha256.New, s.formKey)
	mac.Write([]byte(pool.Name + " " + cookie))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// readForm parses a form and refuses one that did not come from our page in this browser.
func (s *Service) readForm(r *http.Request, pool Pool) error {
	if err := r.ParseForm(); err != nil {
		return errBadRequest.Wrap(err)
	}
	if err := s.origin.Check(r); err != nil {
		return errForm.Wrap(err)
	}
	c, err := r.Cookie(formCookie)
	if err != nil {
		return errForm.Wrap(err)
	}
	if subtle.ConstantTimeCompare([]byte(r.PostForm.Get("token")), []byte(s.macForm(pool, c.Value))) != 1 {
		return errForm
	}
	return nil
}

// show renders a page of a pool.
func (s *Service) show(w http.ResponseWriter, r *http.Request, pool Pool, status int, name page.Name, d page.Data) error {
	d.Base, d.Home, d.SignUp = pool.Path(), s.publicURL+"/", pool.SignUp
	d.Token, d.Documents, d.PasswordMin = s.formToken(w, r, pool), s.consents.Documents, pool.PasswordMin
	d.Passkeys, d.Locale, d.Address = s.Factors.Keys != nil, s.locale(r, pool), readable(r)
	s.dress(w, r, pool, &d)
	return s.pages.Render(w, status, name, d)
}

// showProblem renders a form again with what is wrong: fields of an invalid form, else one message above it.
func (s *Service) showProblem(w http.ResponseWriter, r *http.Request, pool Pool, name page.Name, d page.Data, err error) error {
	var known *errs.Error
	if !errors.As(err, &known) || known.Kind == errs.KindInternal {
		return err
	}
	d.Errors = map[string]string{}
	for _, f := range known.Fields {
		d.Errors[f.Path] = f.Message
	}
	if len(known.Fields) == 0 {
		d.Errors["form"] = known.Message
	}
	return s.show(w, r, pool, httpx.ProblemOf(r.Context(), err).Status, name, d)
}

// fail shows an error that ends the way.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, pool Pool, err error) {
	s.failWith(w, r, pool, page.Data{}, err)
}

// failWith also has a way out: to sign in with another account, where d has a query.
func (s *Service) failWith(w http.ResponseWriter, r *http.Request, pool Pool, d page.Data, err error) {
	p := httpx.ProblemOf(r.Context(), err)
	d.Base, d.Home, d.Title, d.Detail = pool.Path(), s.publicURL+"/", titleOf(errs.KindOf(err)), p.Detail
	d.Locale, d.Address = s.locale(r, pool), readable(r)
	s.dress(w, r, pool, &d)
	if p.Status >= http.StatusInternalServerError && p.Request != "" {
		d.Request = p.Request
	}
	if err := s.pages.Render(w, p.Status, page.Error, d); err != nil {
		httpx.WriteProblem(w, r, err)
	}
}

func titleOf(k errs.Kind) string {
	switch k {
	case errs.KindNotFound:
		return "Nothing here"
	case errs.KindForbidden:
		return "This is not allowed"
	case errs.KindUnavailable, errs.KindLimited:
		return "One moment, please"
	case errs.KindInternal:
		return "That did not work"
	default:
		return "Sign-in cannot go on"
	}
}

// query is the authorization request in the form that links of a page carry.
func (a *authorization) link() template.URL {
	return template.URL(a.query.Encode()) //nolint:gosec // url.Values.Encode leaves nothing to escape but &, which html/template does
}
