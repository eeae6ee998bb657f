package identity

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/device"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// authorizeDevice gives a device its codes.
func (s *Service) authorizeDevice(w http.ResponseWriter, r *http.Request, pool Pool) error {
	answer, err := s.devices.Answer(r, pool, s.Issuer(pool)+"/device")
	if err != nil {
		s.refuseToken(w, r, pool, err)
		return nil
	}
	httphelper.MarshalJSON(w, answer)
	return nil
}

// waitingDevice finds the device that a person means. Wrong codes are counted: the code is short.
func (s *Service) waitingDevice(w http.ResponseWriter, r *http.Request, pool Pool, code string) (device.Request, error) {
	guessed := device.GuessKey(httpx.ClientAddress(r))
	if wait := s.throttle.Try(guessed); wait > 0 {
		return device.Request{}, page.Limited(w, wait)
	}
	found, err := s.devices.Find(r.Context(), pool, code)
	if !errors.Is(err, device.ErrCode) {
		s.throttle.Forgive(guessed)
	}
	return found, err
}

// showDevice asks for the code, then for a sign-in, and then shows what asks to be let in.
func (s *Service) showDevice(w http.ResponseWriter, r *http.Request, pool Pool) error {
	code := r.URL.Query().Get("user_code")
	if state := r.URL.Query().Get("state"); state != "" {
		code = state // back from signing in
	}
	b, signedIn, err := s.sessions.Find(r, pool)
	if err != nil {
		return err
	}
	if !signedIn {
		http.Redirect(w, r, s.signInForDevice(pool, clip(code, 40)), http.StatusSeeOther) //nolint:gosec // a path of our own
		return nil
	}
	if code == "" {
		return s.show(w, r, pool, http.StatusOK, page.Device, page.Data{})
	}
	return s.confirmDevice(w, r, pool, b, code, nil)
}

// signInForDevice is a way through sign-in and back to the page, with the code as the state. What comes back with it is
// for a client without grants, so it is worth nothing.
func (s *Service) signInForDevice(pool Pool, code string) string {
	challenge, _ := opaque.New()
	return pool.Path() + "/authorize?" + url.Values{
		"client_id": {client.DevicePage}, "redirect_uri": {s.Issuer(pool) + "/device"}, "response_type": {"code"}, "scope": {oidc.ScopeOpenID},
		"state": {code}, "code_challenge": {challenge}, "code_challenge_method": {string(oidc.CodeChallengeMethodS256)},
	}.Encode()
}

func (s *Service) confirmDevice(w http.ResponseWriter, r *http.Request, pool Pool, b browser.Session, code string, problem error) error {
	ctx := r.Context()
	found, err := s.waitingDevice(w, r, pool, code)
	if err != nil {
		return s.showProblem(w, r, pool, page.Device, page.Data{Program: page.Program{Code: clip(code, 40)}}, err)
	}
	who, err := s.People.ByID(ctx, b.User)
	if err != nil {
		return err
	}
	tenants, err := s.tenantsOf(ctx, b.User)
	if err != nil {
		return err
	}
	clean, _ := device.Clean(code)
	p := page.Program{Name: found.Client, Code: device.Show(clean), From: found.From, AskedAt: found.AskedAt.UTC().Format("15:04 UTC")}
	for _, t := range tenants {
		p.Tenants = append(p.Tenants, page.Choice{ID: t.ID.String(), Title: t.Title})
	}
	d := page.Data{Email: who.Email, Program: p}
	if problem != nil {
		return s.showProblem(w, r, pool, page.DeviceConfirm, d, problem)
	}
	return s.show(w, r, pool, http.StatusOK, page.DeviceConfirm, d)
}

var errDecision = errs.Invalid("no_decision", "Approve or deny the request.")

// decideDevice lets a device in, or turns it away.
func (s *Service) decideDevice(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	ctx, code := r.Context(), r.PostForm.Get("user_code")
	b, signedIn, err := s.sessions.Find(r, pool)
	if err != nil {
		return err
	}
	if !signedIn {
		http.Redirect(w, r, s.signInForDevice(pool, clip(code, 40)), http.StatusSeeOther) //nolint:gosec // a path of our own
		return nil
	}
	found, err := s.waitingDevice(w, r, pool, code)
	if err != nil {
		return s.showProblem(w, r, pool, page.Device, page.Data{Program: page.Program{Code: clip(code, 40)}}, err)
	}
	done := page.Data{Program: page.Program{Name: found.Client, Denied: r.PostForm.Get("decision") == "deny"}}
	switch {
	case done.Program.Denied:
		err = s.devices.Deny(ctx, found)
	case r.PostForm.Get("decision") != "approve":
		return s.confirmDevice(w, r, pool, b, code, errDecision)
	default:
		tenant, parseErr := uuid.Parse(r.PostForm.Get("tenant"))
		if parseErr != nil {
			return s.confirmDevice(w, r, pool, b, code, errDecision)
		}
		if err := s.mayOpen(ctx, b, tenant); err != nil {
			return err
		}
		err = s.devices.Approve(ctx, found, device.Approval{User: b.User, Tenant: tenant, Session: b.ID, Methods: b.Methods, SignedInAt: b.SignedInAt})
	}
	if err != nil {
		return s.showProblem(w, r, pool, page.Device, page.Data{}, err)
	}
	s.log.InfoContext(ctx, "a person decided about a device", "user", b.User, "denied", done.Program.Denied)
	return s.show(w, r, pool, http.StatusOK, page.DeviceDone, done)
}
