package factor

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

func offerRule() throttle.Rule {
	return throttle.Rule{Free: 200, First: time.Second, Max: time.Minute, Forget: 15 * time.Minute}
}

// subject is who adds a factor: somebody signed in, or somebody between the password and the session who must have one.
type subject struct {
	*owner
	pending *pending // nil: signed in
	session browser.Session
}

// subject finds out who adds a factor. ok is false when the browser was sent elsewhere first: to sign in, or to show that
// it is still the same person.
func (s *Service) subject(w http.ResponseWriter, r *http.Request, pool access.Pool) (who subject, ok bool, err error) {
	p, err := s.find(r, pool, forSignIn)
	switch {
	case err == nil:
		// Whoever has a factor proves it first: the password alone adds none.
		need, err := s.Need(r.Context(), pool, p.User, true)
		if err != nil {
			return who, false, err
		}
		if need != Enrol {
			http.Redirect(w, r, address(pool, "/challenge", returnQuery(r)), http.StatusSeeOther) //nolint:gosec // a path of our own
			return who, false, nil
		}
		who.pending = &p
		who.owner, err = readOwner(r.Context(), s.DB, pool.ID, p.User)
		return who, err == nil, err
	case !errors.Is(err, ErrOver):
		return who, false, err
	}
	return s.signedIn(w, r, pool, true)
}

// signedIn finds the session of this browser; fresh asks that it began a short while ago.
func (s *Service) signedIn(w http.ResponseWriter, r *http.Request, pool access.Pool, fresh bool) (who subject, ok bool, err error) {
	b, ok, err := s.Session(w, r, pool, "", fresh)
	if err != nil || !ok {
		return who, false, err
	}
	who.session = b
	who.owner, err = readOwner(r.Context(), s.DB, pool.ID, b.User)
	return who, err == nil, err
}

// Session finds the session of this browser. fresh asks that it began a short while ago, with every factor that its user has:
// otherwise the browser is sent to confirm it, and from there to one of the pages that then names.
func (s *Service) Session(w http.ResponseWriter, r *http.Request, pool access.Pool, then string, fresh bool) (b browser.Session, ok bool, err error) {
	b, found, err := s.Sessions.Find(r, pool)
	if err != nil {
		return b, false, err
	}
	if !found {
		http.Redirect(w, r, s.Home, http.StatusSeeOther)
		return b, false, nil
	}
	lacks, err := s.Lacks(r.Context(), pool, b, false)
	if err != nil {
		return b, false, err
	}
	if fresh && (lacks || !s.fresh(b)) {
		var query url.Values
		if then != "" {
			query = r.URL.Query()
			query.Set(paramThen, then)
		}
		http.Redirect(w, r, address(pool, "/factors/confirm", query), http.StatusSeeOther) //nolint:gosec // a path of our own
		return b, false, nil
	}
	return b, true, nil
}

// post is subject for a form.
func (s *Service) post(w http.ResponseWriter, r *http.Request, pool access.Pool) (who subject, ok bool, err error) {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return who, false, err
	}
	return s.subject(w, r, pool)
}

func (s *Service) showFactors(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.signedIn(w, r, pool, false)
	if err != nil || !ok {
		return err
	}
	d, err := s.factorsData(r, pool, who)
	if err != nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.Factors, d)
}

func (s *Service) factorsData(r *http.Request, pool access.Pool, who subject) (page.Data, error) {
	list, err := s.List(r.Context(), who.ID)
	if err != nil {
		return page.Data{}, err
	}
	left, err := s.RecoveryCodesLeft(r.Context(), who.ID)
	if err != nil {
		return page.Data{}, err
	}
	d, err := s.newData(r, pool, who)
	if err != nil {
		return page.Data{}, err
	}
	d.Steps.Left = left
	for _, f := range list {
		item := page.Item{ID: f.ID.String(), Kind: string(f.Kind), Name: f.Name, Added: f.CreatedAt}
		if f.UsedAt != nil {
			item.Used = *f.UsedAt
		}
		d.Steps.Items = append(d.Steps.Items, item)
		d.Steps.CanEmail = d.Steps.CanEmail && f.Kind != Email
	}
	return d, nil
}

// newData says what a person can add.
func (s *Service) newData(r *http.Request, pool access.Pool, who subject) (page.Data, error) {
	dem, err := readDemand(r.Context(), s.DB, pool.ID, who.ID)
	if err != nil {
		return page.Data{}, err
	}
	return page.Data{Query: link(r), Email: who.Email, Steps: page.Steps{
		Off: dem.off, Required: dem.required, CanPasskey: s.Keys != nil, CanEmail: s.Send != nil && !dem.off, Within: who.pending != nil,
	}}, nil
}

func (s *Service) postRemove(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	who, ok, err := s.signedIn(w, r, pool, true)
	if err != nil || !ok {
		return err
	}
	id, err := uuid.Parse(r.PostForm.Get("id"))
	if err != nil {
		return ErrNotFound.Wrap(err)
	}
	if err := s.Remove(r.Context(), pool, who.ID, id); err != nil {
		d, dataErr := s.factorsData(r, pool, who)
		if dataErr != nil {
			return dataErr
		}
		return s.Site.Problem(w, r, pool, page.Factors, d, err)
	}
	http.Redirect(w, r, address(pool, "/factors", nil), http.StatusSeeOther)
	return nil
}

func (s *Service) postRecovery(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	who, ok, err := s.signedIn(w, r, pool, true)
	if err != nil || !ok {
		return err
	}
	codes, err := s.NewRecoveryCodes(r.Context(), who.ID)
	if err != nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.Recovery, page.Data{Email: who.Email, Steps: page.Steps{Codes: codes, Next: s.nextURL(r, pool)}})
}

func (s *Service) nextURL(r *http.Request, pool access.Pool) template.URL {
	return template.URL(s.next(r, pool)) //nolint:gosec // a path of our own, or the console, with an encoded query
}

func (s *Service) showConfirm(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.signedIn(w, r, pool, false)
	if err != nil || !ok {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.Confirm, page.Data{Email: who.Email, Query: link(r)})
}

var errNotPassword = errs.Invalid("wrong_password", "This is not your password.")

// postConfirm signs the same person in again.
func (s *Service) postConfirm(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	who, ok, err := s.signedIn(w, r, pool, false)
	if err != nil || !ok {
		return err
	}
	if err := s.Site.Password(r.Context(), pool, who.ID, r.PostForm.Get("password")); err != nil {
		if errs.KindOf(err) == errs.KindInvalid {
			err = errNotPassword
		}
		return s.Site.Problem(w, r, pool, page.Confirm, page.Data{Email: who.Email, Query: link(r)}, err)
	}
	led, err := s.Lead(w, r, pool, who.ID, returnQuery(r), false)
	if err != nil || led {
		return err
	}
	if _, err := s.Sessions.Open(w, r, pool, who.ID, MethodPassword); err != nil {
		return err
	}
	http.Redirect(w, r, s.next(r, pool), http.StatusSeeOther) //nolint:gosec // a path of our own, or the console
	return nil
}

func (s *Service) showDevices(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.signedIn(w, r, pool, false)
	if err != nil || !ok {
		return err
	}
	list, err := s.Sessions.List(r.Context(), who.ID)
	if err != nil {
		return err
	}
	d := page.Data{Email: who.Email}
	for _, device := range list {
		d.Steps.Items = append(d.Steps.Items, page.Item{
			ID: device.ID.String(), Name: device.Name, Kind: device.Address, Added: device.SignedInAt, Used: device.SeenAt, Current: device.ID == who.session.ID,
		})
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.Devices, d)
}

// postDevices signs out one device, or all of them.
func (s *Service) postDevices(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	if err := s.Site.ReadForm(r, pool); err != nil {
		return err
	}
	who, ok, err := s.signedIn(w, r, pool, false)
	if err != nil || !ok {
		return err
	}
	if r.PostForm.Get("id") == "" {
		if err := s.Sessions.CloseAll(r.Context(), who.ID, uuid.Nil); err != nil {
			return err
		}
		browser.Drop(w, r, pool)
		http.Redirect(w, r, address(pool, "/signed-out", nil), http.StatusSeeOther)
		return nil
	}
	id, err := uuid.Parse(r.PostForm.Get("id"))
	if err != nil {
		return browser.ErrNotFound.Wrap(err)
	}
	if _, err := s.Sessions.Close(r.Context(), who.ID, id); err != nil {
		return err
	}
	http.Redirect(w, r, address(pool, "/devices", nil), http.StatusSeeOther)
	return nil
}

// place is where a request came from, for the throttle.
func place(r *http.Request) string { return httpx.ClientAddress(r) }
