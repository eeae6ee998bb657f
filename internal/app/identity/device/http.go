package device

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// GuessKey counts the codes that are typed at one network address and belong to no device.
func GuessKey(address string) throttle.Key {
	return throttle.Key{Name: "device code " + address, Rule: throttle.Rule{Free: 10, First: 2 * time.Second, Max: 5 * time.Minute, Forget: time.Hour}}
}

// askKey counts the devices that ask from one network address.
func askKey(address string) throttle.Key {
	return throttle.Key{Name: "device " + address, Rule: throttle.Rule{Free: 60, First: time.Second, Max: time.Minute, Forget: 10 * time.Minute}}
}

// Answer gives a device its codes (RFC 8628, 3.2). Page is where they are typed.
func (s *Service) Answer(r *http.Request, pool access.Pool, page string) (*oidc.DeviceAuthorizationResponse, error) {
	if err := client.StrictForm(r); err != nil {
		return nil, err
	}
	by, err := s.Clients.Authenticate(r.Context(), pool.Name, r)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(by.Grants, string(oidc.GrantTypeDeviceCode)) {
		return nil, oidc.ErrUnauthorizedClient().WithDescription("this client does not sign devices in")
	}
	if s.Throttle.Try(askKey(httpx.ClientAddress(r))) > 0 {
		return nil, oidc.ErrSlowDown().WithDescription("too many devices ask from here")
	}
	wanted := slices.DeleteFunc(strings.Fields(r.PostForm.Get("scope")), func(scope string) bool { return !slices.Contains(s.Scopes, scope) })
	slices.Sort(wanted)
	codes, err := s.Start(r.Context(), pool, by, slices.Compact(wanted), httpx.ClientAddress(r))
	if err != nil {
		return nil, err
	}
	return &oidc.DeviceAuthorizationResponse{
		DeviceCode: codes.Device, UserCode: codes.User, VerificationURI: page, VerificationURIComplete: page + "?user_code=" + codes.User,
		ExpiresIn: int(Life / time.Second), Interval: int(Pause / time.Second),
	}, nil
}
