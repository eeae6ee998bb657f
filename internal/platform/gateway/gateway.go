// Package gateway stands before every route of the API: it turns a bearer token into a scope and asks whether that
// scope has the permission that the route declares. A route that declares none is refused.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

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
	// Admit asks the usage plan of the caller, who is in ctx or nobody, before anything is done. What it writes into the
	// header goes out with every answer. done is called when the answer is over. nil admits everybody.
	Admit func(ctx context.Context, call Call, header http.Header) (done func(), err error)
	// Authorize decides whether the scope in ctx has the permission.
	Authorize func(ctx context.Context, p tenancy.Permission) error
	// Entitle decides whether the plan of the tenant in ctx has the feature that a route declares.
	Entitle func(ctx context.Context, feature string) error
	// Log gets a line for every token or key that is not accepted, with the reason that the caller does not hear; nil: nobody
	// is told.
	Log *slog.Logger
	// Denied hears of whoever is known and was refused, with the code of the answer; nil: nobody does.
	Denied func(ctx context.Context, scope tenancy.Scope, op *huma.Operation, code string)
	// Passed hears how long a request took to get here, from when it came in to its operation; nil: nobody does.
	Passed func(took time.Duration)
}

// Call is what a usage plan may look at of a request.
type Call struct {
	Permission tenancy.Permission
	Address    string // as httpx.ClientAddress says
	Weight     int
	Stream     bool
	Refused    bool // nobody is known who asks: the token was not accepted
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
		ctx, done, err := g.enter(hctx, permission)
		defer done()
		if err != nil {
			g.denied(ctx, hctx, err)
			writeError(api, hctx, err)
			return
		}
		if err := g.entitle(ctx, httpx.FeatureOf(hctx.Operation())); err != nil {
			writeError(api, hctx, err)
			return
		}
		if fault.On(fault.TenantFromHeader) && permission != httpx.Public {
			scope, _ := tenancy.From(ctx)
			scope.Tenant, _ = uuid.Parse(hctx.Header("X-Tenant-Id"))
			ctx = tenancy.With(ctx, scope)
		}
		if started := httpx.Started(ctx); g.Passed != nil && !started.IsZero() {
			g.Passed(time.Since(started))
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
	if g.Denied == nil {
		return
	}
	code := ""
	var e *errs.Error
	if errors.As(err, &e) {
		if code = e.Code; e.Kind != errs.KindForbidden {
			return
		}
	}
	if scope, known := tenancy.From(ctx); known {
		g.Denied(ctx, scope, hctx.Operation(), code)
	}
}

// enter says who asks, whether their usage plan lets them, and whether they have the permission, in this order: a refusal
// costs as much as an answer, and nobody learns by asking often what they may not.
func (g *Gateway) enter(hctx huma.Context, p tenancy.Permission) (ctx context.Context, done func(), err error) {
	ctx, done = hctx.Context(), func() {}
	if p != httpx.Public {
		ctx, err = g.known(hctx, p)
	}
	if g.Admit != nil {
		r, w := humago.Unwrap(hctx)
		call := Call{
			Permission: p, Address: httpx.ClientAddress(r), Weight: httpx.WeightOf(hctx.Operation()), Stream: httpx.IsStream(hctx.Operation()),
			Refused: err != nil,
		}
		over, refusal := g.Admit(ctx, call, w.Header())
		if refusal != nil {
			return ctx, done, refusal
		}
		done = over
	}
	g.unaccepted(hctx, err)
	if err != nil || p == httpx.Public {
		return ctx, done, err
	}
	return ctx, done, g.permit(ctx, p)
}

// unaccepted logs why a credential is not accepted. It stands behind the usage plan, so that whoever guesses fills no disk.
func (g *Gateway) unaccepted(hctx huma.Context, err error) {
	var known *errs.Error
	if g.Log == nil || errs.KindOf(err) != errs.KindUnauthenticated || !sent(hctx) || !errors.As(err, &known) {
		return
	}
	reason := known.Message
	for deeper := error(known); deeper != nil; deeper = errors.Unwrap(deeper) {
		if e := (*errs.Error)(nil); !errors.As(deeper, &e) {
			reason = deeper.Error()
			break
		}
	}
	g.Log.InfoContext(hctx.Context(), "a credential is not accepted", "operation", hctx.Operation().OperationID, "reason", reason, "request", httpx.RequestID(hctx.Context()))
}

// sent tells whether a request has a credential at all.
func sent(hctx huma.Context) bool {
	return hctx.Header("Authorization") != "" || hctx.Header(KeyHeader) != ""
}

// permit tells whether the scope in ctx has the permission.
func (g *Gateway) permit(ctx context.Context, p tenancy.Permission) error {
	scope, _ := tenancy.From(ctx)
	switch {
	case p == httpx.SignedIn && scope.Key != uuid.Nil:
		return errPerson
	case p == httpx.SignedIn || fault.On(fault.NoPermission):
		return nil
	}
	return g.Authorize(ctx, p)
}

// known puts who asks into the context, also who it was that is refused.
func (g *Gateway) known(hctx huma.Context, p tenancy.Permission) (context.Context, error) {
	ctx := hctx.Context()
	scope, err := g.authenticate(hctx, p)
	if err != nil && scope.User == uuid.Nil {
		return ctx, err
	}
	if err == nil {
		scope.Request, scope.Address = httpx.RequestID(ctx), tenancy.OriginOf(ctx).Address
	}
	return tenancy.With(ctx, scope), err
}

// authenticate tells who sends the one credential of a request.
func (g *Gateway) authenticate(hctx huma.Context, p tenancy.Permission) (tenancy.Scope, error) {
	header, key := hctx.Header("Authorization"), hctx.Header(KeyHeader)
	if header != "" && key != "" {
		return tenancy.Scope{}, errTwice
	}
	kind, token, _ := strings.Cut(header, " ")
	switch {
	case key != "":
	case !strings.EqualFold(kind, "Bearer") || token == "":
		return tenancy.Scope{}, ErrSignIn.Wrap(errors.New("an Authorization header that is no bearer token"))
	case len(token) > maxToken:
		return tenancy.Scope{}, ErrSignIn.Wrap(fmt.Errorf("token of %d bytes", len(token)))
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
	for name, values := range httpx.HeadersOf(err) {
		for _, value := range values {
			hctx.SetHeader(name, value)
		}
	}
	if p.Status == http.StatusUnauthorized {
		challenge := `Bearer realm="cloudkida"`
		if sent(hctx) {
			challenge += `, error="invalid_token"` // RFC 6750, 3.1: only where there was one
		}
		hctx.SetHeader("WWW-Authenticate", challenge)
	}
	hctx.SetHeader("Content-Type", "application/problem+json")
	hctx.SetStatus(p.Status)                                  // writes the header
	_ = api.Marshal(hctx.BodyWriter(), "application/json", p) // the client may be gone; nobody else to tell
}
