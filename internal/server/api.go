package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/apikey"
	identityaccess "github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/federation"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/app/session"
	"github.com/cloudkida/cloudkida/internal/app/terminal"
	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/app/webport"
	"github.com/cloudkida/cloudkida/internal/control/environment"
	"github.com/cloudkida/cloudkida/internal/control/upgrade"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
	"github.com/cloudkida/cloudkida/web"
)

// api registers every JSON route. The gateway stands before all of them.
func (p *program) api(mux *httpx.Mux) huma.API {
	api := httpx.NewAPI(mux)
	gate := &gateway.Gateway{
		Authenticate: p.authenticate, Key: p.keys.Authenticate, Admit: p.usage.Admit, Authorize: p.permitted, Entitle: p.entitled, Excused: excused, Denied: p.denied, Log: p.log,
		Passed: p.metrics.Passed,
	}
	api.UseMiddleware(gate.Middleware(api), httpx.Bodies(api))
	p.concurrency(api)
	p.identity.Register(api)
	p.identity.Machines.Register(api)
	(&federation.API{Service: p.identity.Federation, Throttle: p.throttle("identity providers")}).Register(api)
	p.clients.Register(api)
	p.keys.Register(api)
	p.members.Register(api)
	p.groups.Register(api)
	p.invitations.Register(api)
	p.labs.Register(api)
	(&session.API{Service: p.sessions, People: p.people, Still: p.still}).Register(api)
	p.terminals.Register(api)
	(&environment.API{Service: p.environments, Learners: p.identity.People.Emails}).Register(api, policy.OperatorRead)
	(&upgrade.API{Service: p.upgrades, Go: func(ctx context.Context) error { return p.soon(ctx, WaveArgs{}) }}).
		Register(api, policy.OperatorRead, policy.OperatorWrite)
	(&workflow.API{Engine: p.workflows, Still: p.still}).Register(api, policy.OperatorRead, policy.OperatorWrite)
	p.registration.Routes(api)
	p.mail.Register(api, policy.OperatorRead, policy.OperatorWrite)
	p.ownPolicies().Register(api)
	p.tenantAPI(api)
	p.letterAPI(api)
	apikey.Describe(api)
	explain(api)
	return api
}

func describe(api huma.API) ([]byte, error) {
	text, err := json.MarshalIndent(api.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("describe the api: %w", err)
	}
	return append(text, '\n'), nil
}

// authenticate turns an access token into the scope that the server's own rows give its user.
func (p *program) authenticate(ctx context.Context, bearer string) (tenancy.Scope, error) {
	claims, err := p.identity.Verify(ctx, bearer)
	if err != nil {
		if errs.KindOf(err) == errs.KindInternal {
			return tenancy.Scope{}, err // such as a database that is away: signing in again would not help
		}
		return tenancy.Scope{}, gateway.ErrSignIn.Wrap(err)
	}
	scope, err := p.scopeOf(ctx, claims.User, claims.Tenant)
	scope.Session, scope.Machine, scope.Client = claims.Session, claims.Machine(), through(claims.Client)
	return scope, err
}

// through is what policies know a program by that a token was given to.
func through(id string) string {
	switch id {
	case client.Console, client.CLI:
		return id
	default:
		return "program"
	}
}

func (p *program) scopeOf(ctx context.Context, user, tenant uuid.UUID) (tenancy.Scope, error) {
	// A removed member and a suspended tenant are told what they are, 403, and have no role.
	member, err := p.identity.Membership(ctx, user, tenant)
	scope := tenancy.Scope{Tenant: tenant, User: user, Role: member.Role, Operator: member.Operator, Kind: tenancy.Person}
	if member.Machine {
		scope.Kind = tenancy.Machine
	}
	return scope, err
}

// excused lets owners see the end of their organisation, and take it back, while they are still signed in.
func excused(p tenancy.Permission, refusal error) bool {
	return p == policy.TenantClose && errors.Is(refusal, identityaccess.ErrTenantOffboarding)
}

// stillOwner is still for who watches the end of their own organisation.
func (p *program) stillOwner(ctx context.Context) error {
	scope, _ := tenancy.From(ctx)
	now, err := p.scopeOf(ctx, scope.User, scope.Tenant)
	if excused(policy.TenantClose, err) && now.Role == scope.Role {
		return nil
	}
	return p.still(ctx)
}

// still tells whether the caller of a long-lived stream may go on.
func (p *program) still(ctx context.Context) error {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return gateway.ErrSignIn
	}
	now, err := p.holds(ctx, scope.Tenant, scope.User, scope.Hold())
	if err == nil && (now.Role != scope.Role || now.Operator != scope.Operator) {
		return gateway.ErrSignIn
	}
	return err
}

// guard decides for long-lived streams who may use which session, from rows alone.
type guard struct{ *program }

// Allow returns the scope that the holder has now, if its session runs and is its to use.
func (g guard) Allow(ctx context.Context, h access.Holder) (tenancy.Scope, error) {
	scope, err := g.holds(ctx, h.Tenant, h.User, h.By)
	if err != nil {
		return tenancy.Scope{}, err
	}
	found, err := g.sessions.Get(tenancy.With(ctx, scope), h.Session)
	if err == nil && found.State != session.Ready {
		err = session.ErrNotReady
	}
	return scope, err
}

// mountLive makes what terminals and web ports need: they share tickets and the guard.
func (p *program) mountLive() error {
	console, err := url.Parse(p.cfg.PublicURL)
	if err != nil {
		return fmt.Errorf("public url: %w", err)
	}
	tickets, rights := &ticket.Store{}, &access.Checker{Guard: guard{p}}
	p.webports = &webport.Service{
		Console: console, Labs: &url.URL{Scheme: console.Scheme, Host: p.cfg.LabsDomain},
		Key: []byte(p.store.key.Derive("web port cookies")), Tickets: tickets, Access: rights,
		Dialer: p.sessions, Traffic: p.sessions.Keepers.Touch, Log: p.log,
	}
	p.terminals = &terminal.Service{
		Origin: p.cfg.PublicURL, Tickets: tickets, Access: rights, Dialer: p.sessions, Ports: p.webports, Log: p.log,
	}
	return nil
}

// people are those of these users that the caller's organisation has, or had.
func (p *program) people(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]session.Learner, error) {
	scope, _ := tenancy.From(ctx)
	found, err := p.identity.People.Known(ctx, scope.Tenant, users)
	if err != nil {
		return nil, err
	}
	people := make(map[uuid.UUID]session.Learner, len(found))
	for id, who := range found {
		people[id] = session.Learner{ID: id, Name: who.Name, Email: who.Email}
	}
	return people, nil
}

// mountDocs serves the API's description and a page to read it.
func (p *program) mountDocs(mux *httpx.Mux, api huma.API) {
	text, err := describe(api)
	mux.HandleFunc("GET /openapi.json", httpx.Anybody, func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			httpx.WriteProblem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text) // the client may be gone
	})
	mux.HandleFunc("GET /docs", httpx.Anybody, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "+
			"img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		_, _ = w.Write([]byte(docsPage)) // the client may be gone
	})
}

// docsPage reads /openapi.json with Swagger UI, whose files the console's build puts beside its own.
const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cloudkida API</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="reference"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/reference.js"></script>
</body>
</html>
`

// mountConsole serves the console for every address that nothing else takes.
func (p *program) mountConsole(mux *httpx.Mux) {
	mux.HandleFunc("/v1/", httpx.Anybody, func(w http.ResponseWriter, r *http.Request) {
		httpx.WriteProblem(w, r, errs.NotFound("no_such_address", "The API has no such address; see /docs."))
	})
	scheme, _, _ := strings.Cut(p.cfg.PublicURL, "://")
	mux.Handle("/", httpx.Anybody, p.portals(web.Handler(scheme+"://*."+p.cfg.LabsDomain)))
}

// outer is what every request passes first: labs' own origins, an id, the log, and the headers that keep answers closed.
// Pages replace the content policy by their own.
func (p *program) outer(mux *httpx.Mux) http.Handler {
	secure := strings.HasPrefix(p.cfg.PublicURL, "https://")
	own := httpx.SecurityHeaders(httpx.Bounded(httpx.CrossOrigin(mux, httpx.CrossOriginPath, p.identity.Origin)), "default-src 'none'; frame-ancestors 'none'", secure)
	mux.Declare(httpx.Route{Pattern: "{port}--{session}." + p.cfg.LabsDomain + "/", Access: httpx.LabCookie})
	proxies, _ := p.cfg.proxies() // Complete has looked at them
	return httpx.Forwarded(httpx.Base(p.webports.Handler(own), p.metrics.Request), proxies)
}
