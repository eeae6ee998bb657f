// Package identity knows who people are: user pools with their members, the hosted sign-in pages, and an OpenID Provider
// per pool (on zitadel/oidc) whose access tokens the gateway accepts. A person exists before a tenant is known, so all of
// its tables are scoped by pool; a token is for one (pool, user, tenant) and carries ids only.
package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/approval"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/consent"
	"github.com/cloudkida/cloudkida/internal/app/identity/device"
	"github.com/cloudkida/cloudkida/internal/app/identity/factor"
	"github.com/cloudkida/cloudkida/internal/app/identity/federation"
	"github.com/cloudkida/cloudkida/internal/app/identity/grant"
	"github.com/cloudkida/cloudkida/internal/app/identity/keyring"
	"github.com/cloudkida/cloudkida/internal/app/identity/machine"
	"github.com/cloudkida/cloudkida/internal/app/identity/mailproof"
	"github.com/cloudkida/cloudkida/internal/app/identity/onetime"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/app/identity/password"
	"github.com/cloudkida/cloudkida/internal/app/identity/people"
	"github.com/cloudkida/cloudkida/internal/app/identity/provision"
	"github.com/cloudkida/cloudkida/internal/app/identity/setting"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/outbound"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// DefaultPool is the name of the user pool of the default tenant and of all pooled tenants.
const DefaultPool = access.DefaultPool

// ConsoleClient is the OpenID client of the console.
const ConsoleClient = client.Console

// FreshTime is how long ago a sign-in may be for what is dangerous.
const FreshTime = 10 * time.Minute

// Lifetimes.
const (
	setupLinkLife = 24 * time.Hour
	resetLinkLife = 24 * time.Hour
	maxMintedLife = time.Hour
)

// Bounds of memory.
const (
	maxThrottled  = 100_000 // keys, about 100 bytes each
	maxWaitHashes = 512     // sign-ins that wait for their turn at argon2id
)

// Pool is a user pool.
type Pool = access.Pool

// Config is what a Service is made of.
type Config struct {
	Pool      *pgxpool.Pool // of the role identity
	Key       *secret.Key   // seals the signing keys
	PublicURL string        // how browsers reach the installation, without a path
	Log       *slog.Logger
	Version   string             // of the program, for GET /v1/config
	Now       func() time.Time   // the clock; time.Now when nil
	Documents []consent.Document // that people agree to when they make an account
	Locale    string             // of pages whose reader has said none that there is; "": English
	// AllowPrivate lets identity providers be in private networks and on this machine.
	AllowPrivate bool
	Throttle     *throttle.Throttle // slows down guessing; nil: it counts in this process alone
}

// Service is the identity of one installation.
type Service struct {
	*access.Checker

	db        *pgxpool.Pool
	key       *secret.Key
	publicURL string
	log       *slog.Logger
	version   string
	now       func() time.Time

	defaultLocale string

	provider  *op.Provider
	pages     *page.Renderer
	throttle  *throttle.Throttle
	origin    *http.CrossOriginProtection
	formKey   []byte
	consents  consent.Keeper
	keys      *keyring.Ring
	clients   *client.Store
	grants    *grant.Store
	devices   *device.Service
	approvals *approval.Service
	settings  *setting.Service
	links     *onetime.Links

	// FailedSignIn hears of sign-ins that failed at an account that there is, and at which step; nil: nobody does.
	FailedSignIn func(ctx context.Context, user uuid.UUID, step string)

	// Machines are the machine clients of tenants; the server gives them the tenants' data, for their log.
	Machines *machine.Service
	sessions *browser.Sessions

	// Factors are what signs people in beside the password.
	Factors *factor.Service
	// Proofs are what people do by proving a mailbox.
	Proofs *mailproof.Service
	// Federation signs people in by their organisations' own identity providers.
	Federation *federation.Service
	// People are the accounts of all pools.
	People *people.Service
	// Brands gives the pages their looks; nil: the product's.
	Brands Brands
	// Provision makes and removes what a tenant has in identity.
	Provision *provision.Service
}

// New returns a Service. It does not touch the database yet.
func New(cfg Config) (*Service, error) {
	u, err := url.Parse(cfg.PublicURL)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("public url %q: want http(s)://HOST[:PORT] without a path", cfg.PublicURL)
	}
	s := &Service{
		db: cfg.Pool, key: cfg.Key, publicURL: u.Scheme + "://" + u.Host, log: cfg.Log, version: cfg.Version, now: cfg.Now, defaultLocale: cfg.Locale,
		origin:   http.NewCrossOriginProtection(),
		formKey:  []byte(cfg.Key.Derive("identity form tokens")),
		consents: consent.Keeper{Documents: cfg.Documents, Key: []byte(cfg.Key.Derive("identity consent addresses"))},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.throttle = cfg.Throttle; s.throttle == nil {
		s.throttle = throttle.New(maxThrottled, s.now)
	}
	s.keys = keyring.New(cfg.Pool, cfg.Key, s.now)
	s.Checker = access.New(cfg.Pool, s.publicURL, s.keys, s.now)
	s.openProvider()
	s.openPeople()
	s.Provision = &provision.Service{DB: cfg.Pool, Keys: s.keys, PublicURL: s.publicURL, Now: s.now, Forget: s.ForgetTenant}
	guard := outbound.Guard{AllowPrivate: cfg.AllowPrivate}
	s.Federation = &federation.Service{
		Identity: cfg.Pool, Key: cfg.Key, PublicURL: s.publicURL, Client: guard.Client(), CheckURL: guard.CheckURL, Log: cfg.Log, Now: s.now, Forget: s.Forget,
	}
	pages, pagesErr := page.New()
	provider, providerErr := newProvider(s)
	s.pages, s.provider = pages, provider
	s.sessions = &browser.Sessions{DB: cfg.Pool, Now: s.now, Forget: s.Forget, Log: cfg.Log}
	if err := errors.Join(pagesErr, providerErr, s.openFactors(), s.origin.AddTrustedOrigin(s.publicURL)); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	s.openProofs()
	return s, nil
}

// openPeople makes what keeps accounts.
func (s *Service) openPeople() {
	s.links = &onetime.Links{DB: s.db, Now: s.now, Issuer: s.Issuer}
	s.People = &people.Service{
		// Half of the cores at most, so that other requests go on while many people sign in.
		DB: s.db, Passwords: password.NewHasher(max(1, runtime.GOMAXPROCS(0)/2), maxWaitHashes), Now: s.now, Log: s.log, Forget: s.Forget,
	}
}

// openProvider makes what the OpenID endpoints are made of.
func (s *Service) openProvider() {
	s.clients = &client.Store{DB: s.db, PublicURL: s.publicURL}
	s.grants = &grant.Store{DB: s.db, Now: s.now, Log: s.log, Forget: s.Forget}
	s.devices = &device.Service{
		DB: s.db, Key: []byte(s.key.Derive("identity device codes")), Now: s.now, Grants: s.grants, Clients: s.clients, Scopes: scopes(), Throttle: s.throttle,
	}
	s.approvals = &approval.Service{DB: s.db, Forget: s.Forget}
	s.settings = &setting.Service{DB: s.db, Keys: s.keys, Access: s.Checker, Log: s.log}
	s.Machines = &machine.Service{Identity: s.db, Now: s.now, Forget: s.Forget}
}

// RotateKeys gives every pool whose signing key is old a new one.
func (s *Service) RotateKeys(ctx context.Context) error {
	rotated, err := s.keys.RotateDue(ctx)
	if rotated > 0 {
		s.log.InfoContext(ctx, "signing keys are replaced", "pools", rotated)
	}
	return err
}

// Mount adds the OpenID endpoints and the pages of every pool, below /pools/{pool}.
func (s *Service) Mount(mux *httpx.Mux) {
	for pattern, handler := range map[string]func(http.ResponseWriter, *http.Request, Pool) error{
		"GET /.well-known/openid-configuration": s.discovery,
		"GET /keys":                             s.jwks,
		"GET /authorize":                        s.authorize,
		"POST /authorize":                       s.authorize,
		"POST /token":                           s.token,
		"GET /userinfo":                         s.userinfo,
		"POST /userinfo":                        s.userinfo,
		"POST /revoke":                          s.revoke,
		"POST /introspect":                      s.introspect,
		"POST /device-authorization":            s.authorizeDevice,
		"GET /device":                           s.showDevice,
		"POST /device":                          s.decideDevice,
		"GET /consent":                          s.showConsent,
		"POST /consent":                         s.decideConsent,
		"GET /end-session":                      s.endSession,
		"POST /end-session":                     s.endSession,
		"GET /sign-in":                          s.showSignIn,
		"POST /sign-in":                         s.signIn,
		"GET /setup":                            s.showSetup,
		"POST /setup":                           s.setup,
		"GET /reset":                            s.showReset,
		"POST /reset":                           s.reset,
		"GET /enter":                            s.showEnter,
		"POST /enter":                           s.enter,
		"GET /password":                         s.showPassword,
		"POST /password":                        s.postPassword,
		"GET /signed-out":                       s.showSignedOut,
		"GET /federation/{id}/start":            s.startFederation,
		"GET /federation/callback":              s.endFederation,
		"GET /federation/test":                  s.testFederation,
	} {
		s.page(mux, pattern, handler)
	}
	for _, pages := range []map[string]factor.Handler{s.Factors.Pages(), s.Proofs.Pages()} {
		for pattern, handler := range pages {
			s.page(mux, pattern, handler)
		}
	}
	mux.HandleFunc("GET /pools/{pool}/assets/{file}", httpx.Anybody, s.pages.ServeAsset)
	mux.HandleFunc("/pools/", httpx.Anybody, func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, Pool{Name: DefaultPool}, errNoPage) })
}

// page adds one page of every pool.
func (s *Service) page(mux *httpx.Mux, pattern string, handler factor.Handler) {
	mux.HandleFunc(strings.Replace(pattern, " ", " /pools/{pool}", 1), httpx.PoolPage, s.inPool(handler))
}

// maxForm bounds what is read of a request: our forms have a few fields.
const maxForm = 32 << 10

// inPool finds the pool that the address names, bounds the request and shows errors as a page.
func (s *Service) inPool(handler func(http.ResponseWriter, *http.Request, Pool) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page.Protect(w.Header())
		if len(r.URL.RawQuery) > maxForm {
			s.fail(w, r, Pool{Name: DefaultPool}, errs.Malformed("address_too_long", "This address is too long. Start again from the beginning."))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		pool, err := s.Pool(r.Context(), r.PathValue("pool"))
		if err != nil {
			s.fail(w, r, Pool{Name: DefaultPool}, err)
			return
		}
		r = r.WithContext(op.ContextWithIssuer(r.Context(), s.Issuer(pool)))
		if err := handler(w, r, pool); err != nil {
			s.fail(w, r, pool, err)
		}
	}
}

var (
	errNoPage = errs.NotFound("no_such_page", "There is no such page. The address may be mistyped or out of date.")
)
