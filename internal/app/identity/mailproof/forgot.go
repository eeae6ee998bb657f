package mailproof

import (
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
)

func (s *Service) showForgot(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	return s.Site.Show(w, r, pool, http.StatusOK, page.Forgot, page.Data{Query: link(r.URL.Query())})
}

// postForgot sends a mail, to whoever it is: with a link where there is an account, else one that says that there is none,
// which helps whoever signed up with another address. Both ways do the same work and get the same answer.
func (s *Service) postForgot(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	ctx, email := r.Context(), address.CleanEmail(r.PostForm.Get("email"))
	d := page.Data{Query: link(r.URL.Query()), Email: clip(email, address.MaxEmail), Mailbox: s.Mailbox}
	if problem := address.CheckEmail(email); problem != "" {
		return s.Site.Problem(w, r, pool, page.Forgot, d, errPerson.WithFields(errs.Field{Path: "email", Message: problem}))
	}
	keys := mailKeys(pool, email, httpx.ClientAddress(r))
	if wait := s.Throttle.Try(keys...); wait > 0 {
		return s.Site.Problem(w, r, pool, page.Forgot, d, page.Limited(w, wait))
	}
	l := s.Site.Locale(r, pool) // before the transaction: it may ask the database
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		who, err := accountOf(ctx, tx, pool, email)
		if err != nil {
			return err
		}
		token, hash := opaque.New()
		if err := insertReset(ctx, tx, pool, who.ID, hash, s.Now().Add(resetLife)); err != nil {
			return err
		}
		locales := []string{who.Locale, l.Tag()}
		m := letter.Draft{Kind: "forgot", To: who.Email, Locales: locales, About: who.ID, Values: map[string]string{
			"link": s.Issuer(pool) + "/reset?" + url.Values{"token": {token}}.Encode(),
		}}
		if who.ID == uuid.Nil {
			m = letter.Draft{Kind: "nobody", To: email, Locales: locales, Values: map[string]string{"link": s.Home}}
		}
		return s.post(ctx, tx, pool, m)
	})
	if err != nil {
		s.Throttle.Forgive(keys...)
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.ForgotSent, d)
}
