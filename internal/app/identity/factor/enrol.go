package factor

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
)

// enrolled shows what comes after a new factor counts: the recovery codes, if it is the first, then on. Somebody who had
// to set it up is signed in now; for somebody who was, it is part of the session from now on.
func (s *Service) enrolled(w http.ResponseWriter, r *http.Request, pool access.Pool, who subject, method string) error {
	ctx := r.Context()
	s.Log.InfoContext(ctx, "a user set up a factor", "user", who.ID, "method", method)
	codes, err := s.firstRecoveryCodes(ctx, who.ID)
	if err != nil {
		return err
	}
	// What an identity provider vouched for stays its own, and opens nothing but its organisation.
	methods, voucher := who.session.Methods, who.session.Voucher()
	if who.pending != nil {
		methods, voucher = who.pending.Methods, who.pending.Voucher
		if err := s.take(w, r, pool, *who.pending); err != nil {
			return err
		}
	}
	if _, err := s.Sessions.OpenVouched(w, r, pool, who.ID, voucher, with(methods, method)...); err != nil {
		return err
	}
	if len(codes) == 0 {
		http.Redirect(w, r, s.next(r, pool), http.StatusSeeOther) //nolint:gosec // a path of our own, or the console
		return nil
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.Recovery, page.Data{Email: who.Email, Steps: page.Steps{Codes: codes, First: true, Next: s.nextURL(r, pool)}})
}

func (s *Service) showNew(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.subject(w, r, pool)
	if err != nil || !ok {
		return err
	}
	d, err := s.newData(r, pool, who)
	if err != nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.NewFactor, d)
}

// allowed refuses what a pool has switched off: all but passkeys, which also sign in alone.
func (s *Service) allowed(r *http.Request, pool access.Pool, who subject) error {
	d, err := readDemand(r.Context(), s.DB, pool.ID, who.ID)
	if err == nil && d.off {
		return ErrOff
	}
	return err
}

func (s *Service) appData(r *http.Request, pool access.Pool, who subject) (page.Data, error) {
	if err := s.allowed(r, pool, who); err != nil {
		return page.Data{}, err
	}
	app, err := s.PendingTOTP(r.Context(), who.ID, who.Email)
	if errors.Is(err, ErrNotFound) {
		app, err = s.BeginTOTP(r.Context(), pool, who.ID, who.Email)
	}
	if err != nil {
		return page.Data{}, err
	}
	return page.Data{Query: link(r), Email: who.Email, Name: r.PostForm.Get("name"), Steps: page.Steps{Secret: inGroups(app.Secret), QR: app.QR}}, nil
}

// inGroups is a secret as people can type it.
func inGroups(secret string) string {
	var grouped []byte
	for i := range len(secret) {
		if i > 0 && i%4 == 0 {
			grouped = append(grouped, ' ')
		}
		grouped = append(grouped, secret[i])
	}
	return string(grouped)
}

func (s *Service) showApp(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.subject(w, r, pool)
	if err != nil || !ok {
		return err
	}
	d, err := s.appData(r, pool, who)
	if err != nil {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.App, d)
}

func (s *Service) postApp(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.post(w, r, pool)
	if err != nil || !ok {
		return err
	}
	if err := s.allowed(r, pool, who); err != nil {
		return err
	}
	err = s.try(who.ID, place(r), func() error {
		return s.ConfirmTOTP(r.Context(), who.ID, r.PostForm.Get("name"), r.PostForm.Get("code"))
	})
	if err == nil {
		return s.enrolled(w, r, pool, who, methodCode)
	}
	d, dataErr := s.appData(r, pool, who)
	if dataErr != nil {
		return dataErr
	}
	return s.Site.Problem(w, r, pool, page.App, d, err)
}

// step is the row of an enrolment that takes two requests.
func (s *Service) enrolment(r *http.Request, pool access.Pool, who subject) (pending, error) {
	if who.pending != nil {
		return *who.pending, nil
	}
	p, err := s.find(r, pool, forEnrol)
	if err == nil && (p.User != who.ID || p.Session.UUID != who.session.ID) {
		return pending{}, ErrOver
	}
	return p, err
}

func (s *Service) beginStep(w http.ResponseWriter, r *http.Request, pool access.Pool, who subject) (pending, error) {
	if who.pending != nil {
		return *who.pending, nil
	}
	return s.open(w, r, pool, pending{Purpose: forEnrol, User: who.ID, Session: uuid.NullUUID{UUID: who.session.ID, Valid: true}})
}

// endStep ends the row of somebody who is signed in; the other one ends with the sign-in.
func (s *Service) endStep(w http.ResponseWriter, r *http.Request, pool access.Pool, who subject, p pending) error {
	if who.pending != nil {
		return nil
	}
	return s.take(w, r, pool, p)
}

func (s *Service) mailEnrolment(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.post(w, r, pool)
	if err != nil || !ok {
		return err
	}
	if err := s.allowed(r, pool, who); err != nil {
		return err
	}
	p, err := s.beginStep(w, r, pool, who)
	if err != nil {
		return err
	}
	if err := s.sendCode(r.Context(), p, who.Email); err != nil {
		d, dataErr := s.newData(r, pool, who)
		if dataErr != nil {
			return dataErr
		}
		return s.Site.Problem(w, r, pool, page.NewFactor, d, err)
	}
	http.Redirect(w, r, address(pool, "/factors/email", returnQuery(r)), http.StatusSeeOther) //nolint:gosec // a path of our own
	return nil
}

func (s *Service) showEmail(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.subject(w, r, pool)
	if err != nil || !ok {
		return err
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.EmailCode, page.Data{Query: link(r), Email: who.Email})
}

func (s *Service) postEmail(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.post(w, r, pool)
	if err != nil || !ok {
		return err
	}
	if err := s.allowed(r, pool, who); err != nil {
		return err
	}
	p, err := s.enrolment(r, pool, who)
	if err != nil {
		return err
	}
	err = s.try(who.ID, place(r), func() error { return s.confirmEmail(r.Context(), pool, p, r.PostForm.Get("code")) })
	if err != nil {
		return s.Site.Problem(w, r, pool, page.EmailCode, page.Data{Query: link(r), Email: who.Email}, err)
	}
	if err := s.endStep(w, r, pool, who, p); err != nil {
		return err
	}
	return s.enrolled(w, r, pool, who, methodCode)
}

func (s *Service) showPasskey(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.subject(w, r, pool)
	if err != nil || !ok {
		return err
	}
	if s.Keys == nil {
		return errNoKeys
	}
	return s.Site.Show(w, r, pool, http.StatusOK, page.PasskeyNew, page.Data{Query: link(r), Email: who.Email})
}

func (s *Service) beginEnrolment(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.post(w, r, pool)
	if err != nil || !ok {
		return err
	}
	if s.Keys == nil {
		return errNoKeys
	}
	p, err := s.beginStep(w, r, pool, who)
	if err != nil {
		return err
	}
	options, ceremony, err := s.beginPasskey(r.Context(), pool, who.ID)
	if err != nil {
		return err
	}
	if err := setCeremony(r.Context(), s.DB, p.Hash, ceremony); err != nil {
		return err
	}
	return writeOptions(w, options)
}

func (s *Service) postPasskey(w http.ResponseWriter, r *http.Request, pool access.Pool) error {
	who, ok, err := s.post(w, r, pool)
	if err != nil || !ok {
		return err
	}
	if s.Keys == nil {
		return errNoKeys
	}
	p, err := s.enrolment(r, pool, who)
	if err != nil {
		return err
	}
	ceremony, err := takeCeremony(r.Context(), s.DB, p.Hash)
	if err == nil {
		err = s.addPasskey(r.Context(), pool, who.ID, ceremony, r.PostForm.Get("name"), r.PostForm.Get("credential"))
	}
	if err != nil {
		return s.Site.Problem(w, r, pool, page.PasskeyNew, page.Data{Query: link(r), Email: who.Email, Name: cleanName(r.PostForm.Get("name"), "")}, err)
	}
	if err := s.endStep(w, r, pool, who, p); err != nil {
		return err
	}
	return s.enrolled(w, r, pool, who, methodKey)
}
