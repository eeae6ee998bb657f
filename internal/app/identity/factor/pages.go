package factor

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Handler serves one page of a pool. Its errors are shown as a page.
type Handler = func(http.ResponseWriter, *http.Request, access.Pool) error

// Pages are the pages below a pool's address.
func (s *Service) Pages() map[string]Handler {
	return map[string]Handler{
		"GET /challenge":              s.showChallenge,
		"POST /challenge":             s.answerChallenge,
		"POST /challenge/email":       s.mailChallenge,
		"POST /challenge/passkey":     s.offerChallenge,
		"POST /passkey/begin":         s.offerPasskey,
		"POST /passkey":               s.signInByPasskey,
		"GET /factors":                s.showFactors,
		"POST /factors/remove":        s.postRemove,
		"POST /factors/recovery":      s.postRecovery,
		"GET /factors/confirm":        s.showConfirm,
		"POST /factors/confirm":       s.postConfirm,
		"GET /factors/new":            s.showNew,
		"GET /factors/app":            s.showApp,
		"POST /factors/app":           s.postApp,
		"POST /factors/email":         s.mailEnrolment,
		"GET /factors/email":          s.showEmail,
		"POST /factors/email/confirm": s.postEmail,
		"GET /factors/passkey":        s.showPasskey,
		"POST /factors/passkey/begin": s.beginEnrolment,
		"POST /factors/passkey":       s.postPasskey,
		"GET /devices":                s.showDevices,
		"POST /devices":               s.postDevices,
	}
}

// link is what the address of a page carries on to the next.
func link(r *http.Request) template.URL {
	query := r.URL.Query()
	query.Del("use")
	return template.URL(query.Encode()) //nolint:gosec // url.Values.Encode leaves nothing to escape but &, which html/template does
}

// ways are those that a user can take, the best first. Nobody sees them before the password was right.
func (s *Service) ways(r *http.Request, user uuid.UUID) ([]Use, error) {
	list, err := s.List(r.Context(), user)
	if err != nil {
		return nil, err
	}
	left, err := s.RecoveryCodesLeft(r.Context(), user)
	if err != nil {
		return nil, err
	}
	have := func(kind Kind) bool { return slices.ContainsFunc(list, func(f Factor) bool { return f.Kind == kind }) }
	var ways []Use
	for _, way := range []struct {
		use Use
		can bool
	}{
		{UsePasskey, have(Passkey) && s.Keys != nil}, {UseCode, have(TOTP)}, {UseEmail, have(Email) && s.Send != nil}, {UseRecovery, left > 0},
	} {
		if way.can {
			ways = append(ways, way.use)
		}
	}
	return ways, nil
}

func (s *Service) showChallenge(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	p, err := s.find(r, pool, forSignIn)
	if err != nil {
		return err
	}
	need, err := s.Need(r.Context(), pool, p.User, true)
	if err != nil || need == Nothing { // the rule changed meanwhile
		return orElse(err, ErrOver)
	}
	if need == Enrol {
		http.Redirect(w, r, address(pool, "/factors/new", r.URL.Query()), http.StatusSeeOther) //nolint:gosec // a path of our own
		return nil
	}
	d, err := s.challengeData(r, pool, p, Use(r.URL.Query().Get("use")))
	if err != nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.Challenge, d)
}

// challengeData is the page for one way, with links to the others.
func (s *Service) challengeData(r *http.Request, pool access.Pool, p pending, use Use) (page.Data, error) {
	ways, err := s.ways(r, p.User)
	if err != nil {
		return page.Data{}, err
	}
	o, err := readOwner(r.Context(), s.DB, pool.ID, p.User)
	if err != nil {
		return page.Data{}, err
	}
	if !slices.Contains(ways, use) && len(ways) > 0 {
		use = ways[0]
	}
	d := page.Data{Query: link(r), Email: o.Email, Steps: page.Steps{Use: string(use), Sent: p.CodeHash != nil}}
	for _, way := range ways {
		if way != use {
			d.Steps.Ways = append(d.Steps.Ways, string(way))
		}
	}
	return d, nil
}

func (s *Service) answerChallenge(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	p, err := s.find(r, pool, forSignIn)
	if err != nil {
		return err
	}
	use := Use(r.PostForm.Get("use"))
	method, err := s.answer(r, pool, p, use)
	if errors.Is(err, ErrOver) {
		return err
	}
	if err != nil {
		d, dataErr := s.challengeData(r, pool, p, use)
		if dataErr != nil {
			return dataErr
		}
		return s.Site.Problem(w, r, pool, page.Challenge, d, err)
	}
	if use == UseRecovery {
		s.Log.InfoContext(r.Context(), "a recovery code was used", "user", p.User)
	}
	return s.finish(w, r, pool, p, with(p.Methods, method))
}

// answer checks the answer to a challenge and returns how RFC 8176 names it.
func (s *Service) answer(r *http.Request, pool access.Pool, p pending, use Use) (method string, err error) {
	ctx, place := r.Context(), httpx.ClientAddress(r)
	if err := countTry(ctx, s.DB, p.Hash); err != nil {
		return "", err
	}
	switch use {
	case UsePasskey:
		return methodKey, s.try(p.User, place, func() error {
			ceremony, err := takeCeremony(ctx, s.DB, p.Hash)
			if err != nil {
				return err
			}
			_, err = s.usePasskey(ctx, pool, p.User, ceremony, r.PostForm.Get("credential"))
			return err
		})
	case UseEmail:
		return methodCode, s.try(p.User, place, func() error {
			if ways, err := s.ways(r, p.User); err != nil || !slices.Contains(ways, UseEmail) {
				return orElse(err, ErrNoMail)
			}
			if err := s.useCode(ctx, p, r.PostForm.Get("code")); err != nil {
				return err
			}
			return noteEmail(ctx, s.DB, p.User, s.Now())
		})
	case UseCode, UseRecovery:
	}
	return s.Verify(ctx, p.User, use, r.PostForm.Get("code"), place)
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// finish opens the session of somebody who took the last step. The session's token is new: nothing that the browser had
// before becomes one.
func (s *Service) finish(w http.ResponseWriter, r *http.Request, pool access.Pool, p pending, methods []string) error {
	if err := s.take(w, r, pool, p); err != nil {
		return err
	}
	if _, err := s.Sessions.OpenVouched(w, r, pool, p.User, p.Voucher, methods...); err != nil {
		return err
	}
	http.Redirect(w, r, s.next(r, pool), http.StatusSeeOther) //nolint:gosec // a path of our own, or the console
	return nil
}

// mailChallenge mails a code to somebody who has chosen that way.
func (s *Service) mailChallenge(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	p, err := s.find(r, pool, forSignIn)
	if err != nil {
		return err
	}
	d, err := s.challengeData(r, pool, p, UseEmail)
	if err != nil {
		return err
	}
	if d.Steps.Use != string(UseEmail) {
		return ErrNoMail
	}
	if err := s.sendCode(r.Context(), p, d.Email); err != nil {
		return s.Site.Problem(w, r, pool, page.Challenge, d, err)
	}
	query := r.URL.Query()
	query.Set("use", string(UseEmail))
	http.Redirect(w, r, address(pool, "/challenge", query), http.StatusSeeOther) //nolint:gosec // a path of our own
	return nil
}

// offerChallenge tells the page's script which passkeys it may ask for.
func (s *Service) offerChallenge(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	p, err := s.find(r, pool, forSignIn)
	if err != nil {
		return err
	}
	if s.Keys == nil {
		return errPasskey
	}
	options, ceremony, err := s.askPasskey(r.Context(), pool, p.User)
	if err != nil {
		return err
	}
	if err := setCeremony(r.Context(), s.DB, p.Hash, ceremony); err != nil {
		return err
	}
	return writeOptions(w, options)
}

func writeOptions(w http.ResponseWriter, options any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]any{"publicKey": options})
}

// offerPasskey begins a sign-in by a passkey alone: of whom, the passkey will say.
func (s *Service) offerPasskey(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	if s.Keys == nil {
		return errPasskey
	}
	begun := throttle.Key{Name: "passkey begun " + httpx.ClientAddress(r), Rule: offerRule()}
	if wait := s.Throttle.Try(begun); wait > 0 {
		return waiting(wait)
	}
	options, ceremony, err := s.askPasskey(r.Context(), pool, uuid.Nil)
	if err != nil {
		return err
	}
	if _, err := s.open(w, r, pool, pending{Purpose: forPasskey, Ceremony: ceremony}); err != nil {
		return err
	}
	return writeOptions(w, options)
}

// signInByPasskey takes a passkey that verified its person as all the proof there is.
func (s *Service) signInByPasskey(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	p, err := s.byPasskey(r, pool)
	if err != nil {
		name, d := page.Confirm, page.Data{Query: link(r)}
		if query := r.URL.Query(); query.Has("client_id") && !query.Has(paramThen) {
			name = page.SignIn
		}
		return s.Site.Problem(w, r, pool, name, d, err)
	}
	return s.finish(w, r, pool, p, []string{methodKey, MethodMulti})
}

func (s *Service) byPasskey(r *http.Request, pool access.Pool) (pending, error) {
	p, err := s.find(r, pool, forPasskey)
	if err != nil || s.Keys == nil {
		return p, orElse(err, errPasskey)
	}
	_, from := keys(uuid.Nil, httpx.ClientAddress(r))
	if wait := s.Throttle.Try(from); wait > 0 {
		return p, waiting(wait)
	}
	ceremony, err := takeCeremony(r.Context(), s.DB, p.Hash)
	if err != nil {
		return p, err
	}
	p.User, err = s.usePasskey(r.Context(), pool, uuid.Nil, ceremony, r.PostForm.Get("credential"))
	if errs.KindOf(err) != errs.KindUnauthenticated {
		s.Throttle.Forgive(from)
	}
	return p, err
}

// returnQuery is the address's query without what belongs to one page alone.
func returnQuery(r *http.Request) url.Values {
	query := r.URL.Query()
	query.Del("use")
	return query
}
