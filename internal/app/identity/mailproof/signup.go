package mailproof

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"html/template"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
)

// handleCookie names the sign-up that a browser has under way.
func handleCookie(p access.Pool) string { return "__Host-cloudkida-proof-" + p.Name }

// link is an authorization request in the form that links of a page carry.
func link(query url.Values) template.URL {
	return template.URL(query.Encode()) //nolint:gosec // url.Values.Encode leaves nothing to escape but &, which html/template does
}

func clip(text string, size int) string {
	if runes := []rune(text); len(runes) > size {
		return string(runes[:size])
	}
	return text
}

func (s *Service) begin(w http.ResponseWriter, r *http.Request, pool access.Pool) (*Request, error) {
	if !pool.SignUp {
		return nil, errNoPage
	}
	q, err := s.Site.Begin(w, r, pool)
	if err == nil && q != nil && !q.SignUp {
		return nil, errNoPage
	}
	return q, err
}

func (s *Service) showSignUp(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	q, err := s.begin(w, r, pool)
	if err != nil || q == nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.SignUp, page.Data{Query: link(q.Query)})
}

// check says what is wrong with what was typed. It looks at the words alone, never at accounts.
func check(pool access.Pool, name, email string) error {
	var fields []errs.Field
	for _, f := range []errs.Field{{Path: "name", Message: address.CheckName(name)}, {Path: "email", Message: address.CheckEmail(email)}} {
		if f.Message != "" {
			fields = append(fields, f)
		}
	}
	switch {
	case len(fields) > 0:
		return errPerson.WithFields(fields...)
	case !pool.Admits(email):
		return errDomain
	}
	return nil
}

// postSignUp sends a mail, to whoever it is, and shows where to go on. There is no account before the mailbox is proved, and
// no password: nobody can lie in wait in an account with somebody else's address.
func (s *Service) postSignUp(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	q, err := s.begin(w, r, pool)
	if err != nil || q == nil {
		return err
	}
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	name, email := address.CleanName(r.PostForm.Get("name")), address.CleanEmail(r.PostForm.Get("email"))
	d := page.Data{Query: link(q.Query), Name: clip(r.PostForm.Get("name"), address.MaxName), Email: clip(r.PostForm.Get("email"), address.MaxEmail)}
	if err := check(pool, name, email); err != nil {
		return s.Site.Problem(w, r, pool, page.SignUp, d, err)
	}
	keys := mailKeys(pool, email, httpx.ClientAddress(r))
	if wait := s.Throttle.Try(keys...); wait > 0 {
		return s.Site.Problem(w, r, pool, page.SignUp, d, page.Limited(w, wait))
	}
	handle, hash := opaque.New()
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	p := proof{ID: id, Email: email, Name: name, Query: q.Query.Encode(), Locale: s.Site.Locale(r, pool).Tag(), Handle: hash}
	if len(p.Query) > maxQuery {
		p.Query = ""
	}
	ctx := r.Context()
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := insert(ctx, tx, pool, p, s.Now().Add(proofLife)); err != nil {
			return err
		}
		return s.mail(ctx, tx, pool, p)
	})
	if err != nil {
		s.Throttle.Forgive(keys...)
		return err
	}
	browser.SetCookie(w, handleCookie(pool), handle, handleLife)
	return s.to(w, r, pool, "/sign-up/sent", q.Query)
}

func (s *Service) to(w http.ResponseWriter, r *http.Request, pool access.Pool, path string, query url.Values) error {
	http.Redirect(w, r, pool.Path()+path+"?"+query.Encode(), http.StatusSeeOther)
	return nil
}

// mail sends the letter of a sign-up: with a link and a code, or to somebody who has an account, which asks for neither.
// Both ways do the same work.
func (s *Service) mail(ctx context.Context, tx pgx.Tx, pool access.Pool, p proof) error {
	who, err := accountOf(ctx, tx, pool, p.Email)
	if err != nil {
		return err
	}
	token, tokenHash := opaque.New()
	code := newCode()
	codeHash := s.codeHash(p.ID, code)
	base := s.Issuer(pool)
	m := letter.Draft{Kind: "sign-up", To: p.Email, Locales: []string{p.Locale}, Values: map[string]string{
		"link": base + "/sign-up/confirm?" + url.Values{"token": {token}}.Encode(), "code": code,
	}}
	if who.ID != uuid.Nil {
		tokenHash, codeHash = nil, nil
		m = letter.Draft{Kind: "exists", To: who.Email, Locales: []string{who.Locale, p.Locale}, About: who.ID, Values: map[string]string{"link": base + "/forgot"}}
	}
	if err := arm(ctx, tx, p.ID, tokenHash, codeHash); err != nil {
		return err
	}
	return s.post(ctx, tx, pool, m)
}

// here is the sign-up that this browser has under way.
func (s *Service) here(r *http.Request, pool access.Pool) (proof, error) {
	c, err := r.Cookie(handleCookie(pool))
	if err != nil {
		return proof{}, ErrOver.Wrap(err)
	}
	return find(r.Context(), s.DB, pool, "handle_hash", opaque.Hash(c.Value), s.Now())
}

func (s *Service) sent(r *http.Request, p proof) page.Data {
	query, err := url.ParseQuery(p.Query)
	if err != nil {
		query = nil
	}
	return page.Data{Query: link(query), Email: p.Email, Mailbox: s.Mailbox, Steps: page.Steps{Sent: r.URL.Query().Has("again")}}
}

func (s *Service) showSent(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	p, err := s.here(r, pool)
	if errors.Is(err, ErrOver) {
		return s.to(w, r, pool, "/sign-up", nil)
	}
	if err != nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.SignUpSent, s.sent(r, p))
}

// postCode takes the code of the mail, in the browser that asked for it.
func (s *Service) postCode(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	p, err := s.here(r, pool)
	if err != nil {
		return err
	}
	token, err := s.useCode(w, r, pool, p, r.PostForm.Get("code"))
	if err != nil {
		return s.Site.Problem(w, r, pool, page.SignUpSent, s.sent(r, p), err)
	}
	return s.to(w, r, pool, "/sign-up/confirm", url.Values{"token": {token}})
}

func (s *Service) useCode(w http.ResponseWriter, r *http.Request, pool access.Pool, p proof, code string) (token string, err error) {
	ctx := r.Context()
	guess := codeKey(pool, p.Email)
	if wait := s.Throttle.Try(guess); wait > 0 {
		return "", page.Limited(w, wait)
	}
	hash, err := tryCode(ctx, s.DB, p.ID)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare(hash, s.codeHash(p.ID, code)) != 1 {
		return "", errCode
	}
	s.Throttle.Forgive(guess)
	token, tokenHash := opaque.New()
	return token, trade(ctx, s.DB, p.ID, hash, tokenHash)
}

// postAgain sends the mail once more. Its earlier link and code are over.
func (s *Service) postAgain(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	p, err := s.here(r, pool)
	if err != nil {
		return err
	}
	keys := mailKeys(pool, p.Email, httpx.ClientAddress(r))
	if wait := s.Throttle.Try(keys...); wait > 0 {
		return s.Site.Problem(w, r, pool, page.SignUpSent, s.sent(r, p), page.Limited(w, wait))
	}
	ctx := r.Context()
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := countSend(ctx, tx, p.ID); err != nil {
			return err
		}
		return s.mail(ctx, tx, pool, p)
	})
	if err != nil {
		return s.Site.Problem(w, r, pool, page.SignUpSent, s.sent(r, p), err)
	}
	return s.to(w, r, pool, "/sign-up/sent", url.Values{"again": {""}})
}

// showConfirm does not use the link up: mail programs open links before people do.
func (s *Service) showConfirm(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	token := r.URL.Query().Get("token")
	p, err := find(r.Context(), s.DB, pool, "token_hash", opaque.Hash(token), s.Now())
	if err != nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.SignUpConfirm, page.Data{Link: token, Email: p.Email, Name: p.Name})
}

// postConfirm makes the account of a proved address and signs it in.
func (s *Service) postConfirm(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	ctx, token := r.Context(), r.PostForm.Get("link")
	p, err := find(ctx, s.DB, pool, "token_hash", opaque.Hash(token), s.Now())
	if err != nil {
		return err
	}
	if !pool.Admits(p.Email) { // the rule has changed since
		return errNoPage
	}
	hash, err := s.Site.Hash(ctx, pool, p.Name, p.Email, r.PostForm.Get("password"))
	if err != nil {
		return s.Site.Problem(w, r, pool, page.SignUpConfirm, page.Data{Link: token, Email: p.Email, Name: p.Name}, err)
	}
	var user uuid.UUID
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := take(ctx, tx, pool, p, opaque.Hash(token)); err != nil {
			return err
		}
		user, err = s.Site.Insert(ctx, tx, pool, Person{Name: p.Name, Email: p.Email, Hash: hash, Locale: p.Locale, Address: httpx.ClientAddress(r)})
		return err
	})
	if err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "a person signed up with a proved address", "user", user, "pool", pool.Name)
	query, err := url.ParseQuery(p.Query)
	if err != nil {
		return err
	}
	return s.Site.Enter(w, r, pool, user, query, s.waits(w, r, pool, p, query))
}

// waits tells whether this browser waits for the answer to the request that led to the sign-up. The console keeps what it
// asked in the tab: a link that opens another tab has nothing to go on with, a code has.
func (s *Service) waits(w http.ResponseWriter, r *http.Request, pool access.Pool, p proof, query url.Values) bool {
	c, err := r.Cookie(handleCookie(pool))
	if err != nil || !bytes.Equal(opaque.Hash(c.Value), p.Handle) {
		return false
	}
	browser.DropCookie(w, handleCookie(pool))
	return query.Has("client_id") && (p.ByCode || query.Get("client_id") != s.Console)
}
