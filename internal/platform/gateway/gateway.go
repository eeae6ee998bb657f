// Package gateway stands before every route of the API: it turns a bearer token into a scope and asks whether that
// scope has the permission that the route declares. A route that declares none is refused.
package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Where an API key may stand.
const (
	KeyPrefix = "ck_" // how one begins that stands in place of an access token
	KeyHeader = "X-Api-Key"
)

// ErrSignIn is the answer to a request without a valid access token.
var ErrSignIn = errs.Unauthenticated("sign_in_required", "Sign in to continue.")

var (
	errUndeclared = errs.Forbidden("undeclared_permission", "This address is not open to anybody.")
	errTwice      = errs.Malformed("two_credentials", "Send an access token or an API key, not both.")
	errPerson     = errs.Forbidden("people_only", "This address is about a person. API keys are of organisations: sign in as somebody.")
)

// Gateway authorizes requests.
type Gateway struct {
	// Authenticate verifies a token and reads its user's membership from the server's own rows. Its errors are for the
	// caller: ErrSignIn for a token that is not accepted.
	Authenticate func(ctx context.Context, bearer string) (tenancy.Scope, error)
	// Key is Authenticate for an API key, sent from a network address (see httpx.ClientAddress). Its errors are for the
	// caller as they are. A key is never somebody, and never excused.
	Key func(ctx context.Context, address, key string) (tenancy.Scope, error)
	// Excused tells whether a refusal does not matter for a permission, for the scope that Authenticate returned with it;
	// nil excuses nothing.
	Excused func(p tenancy.Permission, refusal error) bool
	// Authorize decides whether the scope in ctx has the permission.
	Authorize func(ctx context.Context, p tenancy.Permission) error
	// Entitle decides whether the plan of the tenant in ctx has the feature that a route declares.
	Entitle func(ctx context.Context, feature string) error
	// Denied hears of whoever is known and was refused, with the code of the answer; nil: nobody does.
	Denied func(ctx context.Context, scope tenancy.Scope, op *huma.Operation, code string)
}

// maxToken bounds what is looked at: our tokens have about 700 bytes.
const maxToken = 4 << 10

// Middleware is added to the API before any route.
func (g *Gateway) Middleware(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(hctx huma.Context, next func(huma.Context)) {
		permission, ok := httpx.PermissionOf(hctx.Operation())
		if !ok {
			writeError(api, hctx, errUndeclared)
			return
		}
		if permission == httpx.Public {
			next(hctx)
			return
		}
		ctx, err := g.authorize(hctx, permission)
		if err != nil {
			g.denied(ctx, hctx, err)
			writeError(api, hctx, err)
			return
		}
		if err := g.entitle(ctx, httpx.FeatureOf(hctx.Operation())); err != nil {
			writeError(api, hctx, err)
			return
		}
		if fault.On(fault.TenantFromHeader) {
			scope, _ := tenancy.From(ctx)
			scope.Tenant, _ = uuid.Parse(hctx.Header("X-Tenant-Id"))
			ctx = tenancy.With(ctx, scope)
		}
		hctx = huma.WithContext(hctx, ctx)
		next(hctx)
		if hctx.Status() == http.StatusForbidden {
			g.denied(ctx, hctx, nil)
		}
	}
}

// denied tells about a refusal, unless nobody knows whose it was.
func (g *Gateway) denied(ctx context.Context, hctx huma.Context, err error) {
	if g.Denied == nil || ctx == nil {
		return
	}
	code := ""
	var e *errs.Error
	if errors.As(err, &e) {
		if code = e.Code; e.Kind != errs.KindForbidden {
			return
		}
	}
	scope, _ := tenancy.From(ctx)
	g.Denied(ctx, scope, hctx.Operation(), code)
}

func (g *Gateway) authorize(hctx huma.Context, p tenancy.Permission) (context.Context, error) {
	ctx := hctx.Context()
	scope, err := g.authenticate(hctx, p)
	if err != nil {
		if scope.User == uuid.Nil {
			return nil, err
		}
		return tenancy.With(ctx, scope), err // who it was is known
	}
	scope.Request, scope.Address = httpx.RequestID(ctx), tenancy.OriginOf(ctx).Address
	ctx = tenancy.With(ctx, scope)
	switch {
	case p == httpx.SignedIn && scope.Key != uuid.Nil:
		return ctx, errPerson
	case p == httpx.SignedIn || fault.On(fault.NoPermission):
		return ctx, nil
	}
	return ctx, g.Authorize(ctx, p)
}

// authenticate tells who sends the one credential of a request.
func (g *Gateway) authenticate(hctx huma.Context, p tenancy.Permission) (tenancy.Scope, error) {
	header, key := hctx.Header("Authorization"), hctx.Header(KeyHeader)
	if header != "" && key != "" {
		return tenancy.Scope{}, errTwice
	}
	kind, token, _ := strings.Cut(header, " ")
	if key == "" && (!strings.EqualFold(kind, "Bearer") || token == "" || len(token) > maxToken) {
		return tenancy.Scope{}, ErrSignIn
	}
	if strings.HasPrefix(token, KeyPrefix) {
		key = token
	}
	if key != "" {
		if g.Key == nil {
			return tenancy.Scope{}, ErrSignIn
		}
		r, _ := humago.Unwrap(hctx)
		return g.Key(hctx.Context(), httpx.ClientAddress(r), key)
	}
	scope, err := g.Authenticate(hctx.Context(), token)
	if err != nil && g.Excused != nil && g.Excused(p, err) {
		err = nil
	}
	return scope, err
}

// entitle comes last: whoever may not do something anyway need not hear what a plan lacks.
func (g *Gateway) entitle(ctx context.Context, feature string) error {
	if feature == "" {
		return nil
	}
	if g.Entitle == nil {
		return errUndeclared
	}
	return g.Entitle(ctx, feature)
}

func writeError(api huma.API, hctx huma.Context, err error) {
	p := httpx.ProblemOf(hctx.Context(), err)
	if p.Status == http.StatusUnauthorized {
		hctx.SetHeader("WWW-Authenticate", `Bearer realm="cloudkida"`)
	}
	hctx.SetHeader("Content-Type", "application/problem+json")
	hctx.SetStatus(p.Status)                                  // writes the header
	_ = api.Marshal(hctx.BodyWriter(), "application/json", p) // the client may be gone; nobody else to tell
}
