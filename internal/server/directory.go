package server

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/provision"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/control/directory"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// openDirectory makes what tells people where they sign in.
func (p *program) openDirectory() {
	p.directory = directory.New(directory.Config{
		Pool: p.pools.control, PublicURL: p.cfg.PublicURL, Identity: doors{p.identity.Provision}, Tiers: p.tiers, Brands: p.brands, Log: tenantLog{p}, Resolver: p.cfg.resolver(),
		Throttle: p.throttle("directory"), Limits: directory.DefaultLimits(), Now: time.Now,
	})
	p.hints.On(notify.TopicTenant, func(string) { p.directory.Forget() }, p.directory.Forget)
}

// doors tells where the people of tenants sign in.
type doors struct{ *provision.Service }

// SignIn is where those of one tenant do.
func (d doors) SignIn(ctx context.Context, tenant uuid.UUID) (directory.SignIn, error) {
	issuer, signUp, err := d.Service.SignIn(ctx, tenant)
	return directory.SignIn{Issuer: issuer, ClientID: identity.ConsoleClient, SignUp: signUp}, err
}

// tenantLog writes what the provider's side does for a tenant into the tenant's own audit log.
type tenantLog struct{ *program }

// Record adds an entry about who acts in ctx, or the program itself where nobody of the tenant does.
func (l tenantLog) Record(ctx context.Context, tenant uuid.UUID, e audit.Entry) error {
	scope, _ := tenancy.From(ctx)
	as := tenancy.Scope{Tenant: tenant, Role: tenancy.RoleSystem, Request: scope.Request}
	if scope.Tenant == tenant {
		as.User = scope.User
	}
	ctx = tenancy.With(ctx, as)
	return l.data.InWholeTenant(ctx, policy.TenantSystem, func(tx pgx.Tx) error { return audit.Add(ctx, tx, e) })
}

// resolver asks the DNS server that was set, or the machine's own.
func (c *Config) resolver() *net.Resolver {
	if c.DNSServer == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, c.DNSServer)
	}}
}

// portals sends browsers from NAME.<public host> to the public host with ?tenant=NAME. Sign-in knows one origin of the
// console: one that is never served elsewhere needs no redirect address, no cookie and no CORS rule for every tenant.
func (p *program) portals(console http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, below := p.directory.TenantOfHost(r.Host)
		to, err := url.Parse(p.cfg.PublicURL)
		if !below || err != nil {
			console.ServeHTTP(w, r)
			return
		}
		to.Path, to.RawPath = r.URL.Path, r.URL.RawPath
		query := r.URL.Query()
		if name != "" {
			query.Set("tenant", name)
		}
		to.RawQuery = query.Encode()
		http.Redirect(w, r, to.String(), http.StatusFound)
	})
}
