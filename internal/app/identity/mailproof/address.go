package mailproof

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
	"github.com/cloudkida/cloudkida/internal/platform/words"
)

// Lifetimes of a change of address.
const (
	addressLife = time.Hour          // to prove the new one: the person is at the screen
	objectLife  = 7 * 24 * time.Hour // to object: mail may be read after the weekend
)

// thenAddress names the page where a change begins, for whoever must first confirm that it is them.
const thenAddress = "address"

var (
	errSame      = errPerson.WithFields(errs.Field{Path: "email", Message: "This is the address of your account already."})
	errOutside   = errPerson.WithFields(errs.Field{Path: "email", Message: "Accounts here are for e-mail addresses of certain organisations, and yours is one of them. Use another address there."})
	errVouched   = errs.Conflict("address_of_provider", "Your organisation's identity provider signed you in, and it tells who you are. Sign in with your password to change the address of your account, or ask your organisation's administrator.")
	errNoChange  = errs.NotFound("no_address_change", "No change of your address is under way. Start again: a new mail is there in a moment.")
	errElsewhere = errs.Forbidden("address_elsewhere", "Open this link in a browser in which you are signed in to the account that asked for it, or type the code of the mail on the page where you asked.")
	errTaken     = errs.Conflict("address_taken", "There is an account with this address meanwhile. Yours keeps the one that it has.")
	errReturn    = errs.Conflict("address_taken_back", "There is another account with this address meanwhile, so this one cannot get it back. Tell whoever runs your labs.")
	errOften     = errs.Conflict("address_often", "The address of this account was to be changed very often of late. Wait a week, or ask whoever runs your labs.")
	errObjection = errs.NotFound("objection_over", "This link has been used or has expired. If somebody else uses your account, choose a new password and tell whoever runs your labs.")
)

// addressPages are those of a change of address. They work for whoever is signed in, and the last for who reads the old mailbox.
func (s *Service) addressPages() map[string]func(http.ResponseWriter, *http.Request, access.Pool) error {
	return map[string]func(http.ResponseWriter, *http.Request, access.Pool) error{
		"GET /address":          s.showAddress,
		"POST /address":         s.postAddress,
		"GET /address/sent":     s.showAddressSent,
		"POST /address/code":    s.postAddressCode,
		"GET /address/confirm":  s.showAddressConfirm,
		"POST /address/confirm": s.postAddressConfirm,
		"GET /address/object":   s.showObjection,
		"POST /address/object":  s.postObjection,
	}
}

// owner is who is signed in here; fresh asks for a sign-in of a short while ago, with every factor that they have. Nil: the
// browser was sent elsewhere.
func (s *Service) owner(w http.ResponseWriter, r *http.Request, pool access.Pool, fresh bool) (*holder, error) {
	b, ok, err := s.Site.SignedIn(w, r, pool, thenAddress, fresh)
	if err != nil || !ok {
		return nil, err
	}
	if b.Vouched.Valid {
		// An organisation's provider could claim to be anybody of its own people, and take the account with it to others.
		return nil, errVouched
	}
	return readHolder(r.Context(), s.DB, b.User, false)
}

func (s *Service) showAddress(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, err := s.owner(w, r, pool, true)
	if err != nil || who == nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.Address, page.Data{Account: who.Email})
}

// postAddress sends a mail to the new address, and one to the address before. What it does and answers is the same whether
// the new one has an account: only who reads its mailbox learns that.
func (s *Service) postAddress(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	who, err := s.owner(w, r, pool, true)
	if err != nil || who == nil {
		return err
	}
	email := address.CleanEmail(r.PostForm.Get("email"))
	d := page.Data{Account: who.Email, Email: clip(r.PostForm.Get("email"), address.MaxEmail)}
	if err := checkAddress(pool, who, email); err != nil {
		return s.Site.Problem(w, r, pool, page.Address, d, err)
	}
	keys := append(mailKeys(pool, email, httpx.ClientAddress(r)), throttle.Key{
		Name: "address of " + who.ID.String(), Rule: throttle.Rule{Free: 3, First: time.Minute, Max: time.Hour, Forget: 24 * time.Hour},
	})
	if wait := s.Throttle.Try(keys...); wait > 0 {
		return s.Site.Problem(w, r, pool, page.Address, d, page.Limited(w, wait))
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	ctx, l := r.Context(), s.Site.Locale(r, pool)
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error { return s.askAddress(ctx, tx, pool, who.ID, id, email, l) })
	if err != nil {
		s.Throttle.Forgive(keys...)
		return err
	}
	return s.to(w, r, pool, "/address/sent", nil)
}

// checkAddress says what is wrong with a new address. It looks at the words alone, never at other accounts. Whose address is
// of the pool's domains stays in them, as signing up with another one would have been refused.
func checkAddress(pool access.Pool, who *holder, email string) error {
	if problem := address.CheckEmail(email); problem != "" {
		return errPerson.WithFields(errs.Field{Path: "email", Message: problem})
	}
	switch {
	case address.Key(email) == address.Key(who.Email):
		return errSame
	case pool.Admits(who.Email) && !pool.Admits(email):
		return errOutside
	}
	return nil
}

// askAddress begins a change, in place of one that is under way. Letters that let object to earlier ones stay good.
func (s *Service) askAddress(ctx context.Context, tx pgx.Tx, pool access.Pool, user, id uuid.UUID, email string, l words.Locale) error {
	who, err := readHolder(ctx, tx, user, true)
	if err != nil {
		return err
	}
	if err := room(ctx, tx, user, s.Now()); err != nil {
		return err
	}
	if err := insertAddress(ctx, tx, pool, proof{ID: id, Email: email, Locale: l.Tag()}, user, s.Now().Add(addressLife)); err != nil {
		return err
	}
	other, err := accountOf(ctx, tx, pool, email)
	if err != nil {
		return err
	}
	token, tokenHash := opaque.New()
	code := newCode()
	codeHash := s.codeHash(id, code)
	m := letter.Draft{Kind: "address", To: email, Locales: []string{who.Locale, l.Tag()}, About: user, Values: map[string]string{
		"link": s.Issuer(pool) + "/address/confirm?" + url.Values{"token": {token}}.Encode(), "code": code,
	}}
	if other.ID != uuid.Nil {
		tokenHash, codeHash = nil, nil
		m = letter.Draft{Kind: "address-exists", To: other.Email, Locales: []string{other.Locale, l.Tag()}, About: other.ID, Values: map[string]string{
			"link": s.Issuer(pool) + "/forgot",
		}}
	}
	if err := arm(ctx, tx, id, tokenHash, codeHash); err != nil {
		return err
	}
	if err := s.post(ctx, tx, pool, m); err != nil {
		return err
	}
	return errors.Join(s.warn(ctx, tx, pool, *who, id, "address-asked"), audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.address_asked", Target: user.String()}))
}

// warn tells the mailbox of the address before. With the letter comes a way to object, if the address was ever proved: a
// stranger whose address somebody mistyped gets no account by it.
func (s *Service) warn(ctx context.Context, tx pgx.Tx, pool access.Pool, before holder, id uuid.UUID, kind string) error {
	if !mail.ValidAddress(before.Email) {
		return nil
	}
	m := letter.Draft{Kind: kind + "-note", To: before.Email, Locales: []string{before.Locale}, About: before.ID}
	if before.Proved {
		token := s.objection(id)
		if err := insertChange(ctx, tx, id, before, opaque.Hash(token), s.Now(), s.Now().Add(objectLife)); err != nil {
			return err
		}
		m.Kind = kind
		m.Values = map[string]string{"link": s.Issuer(pool) + "/address/object?" + url.Values{"token": {token}}.Encode()}
	}
	return s.post(ctx, tx, pool, m)
}

// objection is the token that objects to a change: the same in each letter about it.
func (s *Service) objection(id uuid.UUID) string {
	h := hmac.New(sha256.New, []byte(s.Key.Derive("identity objections")))
	h.Write(id[:])
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func (s *Service) showAddressSent(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, err := s.owner(w, r, pool, false)
	if err != nil || who == nil {
		return err
	}
	p, err := findAddress(r.Context(), s.DB, who.ID, nil, s.Now())
	if err != nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.AddressSent, page.Data{Account: who.Email, Email: p.Email, Mailbox: s.Mailbox})
}

// postAddressCode takes the code of the mail. Whoever is signed in asked for it.
func (s *Service) postAddressCode(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	who, err := s.owner(w, r, pool, false)
	if err != nil || who == nil {
		return err
	}
	ctx := r.Context()
	p, err := findAddress(ctx, s.DB, who.ID, nil, s.Now())
	if err != nil {
		return err
	}
	d := page.Data{Account: who.Email, Email: p.Email, Mailbox: s.Mailbox}
	guess := codeKey(pool, p.Email)
	if wait := s.Throttle.Try(guess); wait > 0 {
		return s.Site.Problem(w, r, pool, page.AddressSent, d, page.Limited(w, wait))
	}
	hash, err := tryCode(ctx, s.DB, p.ID)
	if err == nil && subtle.ConstantTimeCompare(hash, s.codeHash(p.ID, r.PostForm.Get("code"))) != 1 {
		err = errCode
	}
	if err != nil {
		return s.Site.Problem(w, r, pool, page.AddressSent, d, err)
	}
	s.Throttle.Forgive(guess)
	return s.changeAddress(w, r, pool, p, who.ID)
}

// showAddressConfirm does not use the link up: mail programs open links before people do. The link alone changes nothing
// either: whoever reads a mailbox is not asked to give its address to somebody else's account.
func (s *Service) showAddressConfirm(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	token := r.URL.Query().Get("token")
	who, p, err := s.linked(w, r, pool, token)
	if err != nil || who == nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.AddressConfirm, page.Data{Link: token, Account: who.Email, Email: p.Email})
}

func (s *Service) postAddressConfirm(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	who, p, err := s.linked(w, r, pool, r.PostForm.Get("link"))
	if err != nil || who == nil {
		return err
	}
	return s.changeAddress(w, r, pool, p, who.ID)
}

// linked is whoever is signed in, and their change that a link is of.
func (s *Service) linked(w http.ResponseWriter, r *http.Request, pool access.Pool, token string) (*holder, proof, error) {
	if in, err := s.Site.Here(r, pool); err != nil || !in {
		return nil, proof{}, errors.Join(err, errElsewhere)
	}
	who, err := s.owner(w, r, pool, false)
	if err != nil || who == nil {
		return nil, proof{}, err
	}
	p, err := findAddress(r.Context(), s.DB, who.ID, opaque.Hash(token), s.Now())
	if errors.Is(err, errNoChange) {
		err = errElsewhere
	}
	return who, p, err
}

// changeAddress gives the account its new address. Sign-ins stay, and so do links to identity providers, which know the
// person by a name of their own; links that were mailed to the address before end.
func (s *Service) changeAddress(w http.ResponseWriter, r *http.Request, pool access.Pool, p proof, user uuid.UUID) error {
	ctx := r.Context()
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		before, err := readHolder(ctx, tx, user, true)
		if err != nil {
			return err
		}
		if err := takeAddress(ctx, tx, p.ID, user); err != nil {
			return err
		}
		if err := setAddress(ctx, tx, user, p.Email, s.Now()); err != nil {
			return err
		}
		return errors.Join(s.warn(ctx, tx, pool, *before, p.ID, "address-changed"),
			audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.address_changed", Target: user.String()}))
	})
	if err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "a person changed the address of their account", "user", user, "pool", pool.Name)
	return s.Site.Show(w, r, pool, http.StatusOK, page.AddressDone, page.Data{Email: p.Email})
}

func (s *Service) showObjection(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	token := r.URL.Query().Get("token")
	c, err := findChange(r.Context(), s.DB, pool, opaque.Hash(token), s.Now())
	if err != nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.AddressObject, page.Data{Link: token, Email: c.Email})
}

// postObjection gives the account back to whoever reads the mailbox of the address before: with that address, without a
// password, and without anything that the other one could have opened it with. A new password is chosen next.
func (s *Service) postObjection(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	ctx, hash := r.Context(), opaque.Hash(r.PostForm.Get("link"))
	token, resetHash := opaque.New()
	var user uuid.UUID
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		c, err := findChange(ctx, tx, pool, hash, s.Now())
		if err != nil {
			return err
		}
		user = c.User
		if err := takeBack(ctx, tx, c, hash, s.Now()); err != nil {
			return err
		}
		if err := insertReset(ctx, tx, pool, user, resetHash, s.Now().Add(resetLife)); err != nil {
			return err
		}
		return audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.address_objected", Target: user.String()})
	})
	if err != nil {
		return err
	}
	s.Site.Forget(user)
	s.Log.WarnContext(ctx, "somebody objected to the change of an account's address", "user", user, "pool", pool.Name)
	return s.to(w, r, pool, "/reset", url.Values{"token": {token}})
}
