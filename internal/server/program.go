package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/app/apikey"
	"github.com/cloudkida/cloudkida/internal/app/auditlog"
	"github.com/cloudkida/cloudkida/internal/app/group"
	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/invitation"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/mailtemplate"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/person"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/app/session"
	"github.com/cloudkida/cloudkida/internal/app/terminal"
	"github.com/cloudkida/cloudkida/internal/app/webport"
	"github.com/cloudkida/cloudkida/internal/control/branding"
	"github.com/cloudkida/cloudkida/internal/control/directory"
	"github.com/cloudkida/cloudkida/internal/control/environment"
	"github.com/cloudkida/cloudkida/internal/control/export"
	"github.com/cloudkida/cloudkida/internal/control/registration"
	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/control/upgrade"
	"github.com/cloudkida/cloudkida/internal/control/usage"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/idempotency"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/limit"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/obs"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/valkey"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
	"github.com/cloudkida/cloudkida/internal/runtime/gvisor"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
	"github.com/cloudkida/cloudkida/labs"
)

// program is every feature, put together.
type program struct {
	cfg      Config
	log      *slog.Logger
	store    *store
	metrics  *obs.Metrics
	pools    pools
	data     *db.DB
	decides  *policy.Engine
	silos    *db.Silos
	places   *db.Places
	inserter *job.Client
	hints    *notify.Hub

	identity     *identity.Service
	clients      *client.Registry
	keys         *apikey.Service
	members      *member.Service
	groups       *group.Service
	invitations  *invitation.Service
	labs         *lab.Service
	sessions     *session.Service
	environments *environment.Service
	upgrades     *upgrade.Service
	tiers        *tier.Service
	usage        *usage.Service
	shared       *valkey.Memory     // nil without --redis-url
	fell         func(part string)  // hears of what the shared memory could not answer
	streams      *limit.SharedHolds // nil without --redis-url
	tenants      *tenant.Service
	audits       *auditlog.Service
	exports      *export.Service
	persons      *person.Service
	signer       *proof.Signer
	sealer       *chain.Sealer
	verifier     *chain.Verifier
	relay        *audit.Relay
	denials      *audit.Denials
	workflows    *workflow.Engine
	terminals    *terminal.Service
	webports     *webport.Service
	provider     sandbox.Provider
	sandboxes    *gvisor.Provider // the provider, where this process has the lab role
	mail         *mail.Service
	registration *registration.Service
	directory    *directory.Service
	letters      *letter.Writer
	templates    *mailtemplate.Service
	brands       *branding.Service
	jobs         *job.Client
	console      *job.Console // nil without a private listener
	answers      *idempotency.Service
}

// pools are the connections of each role.
type pools struct {
	app, control, worker, identity *pgxpool.Pool
}

// Most connections of each pool; together they stay below the embedded database's 250.
const (
	appConnections      = 24
	controlConnections  = 20 // a workflow that runs holds one
	workerConnections   = 16
	identityConnections = 12
	maxSilos            = 32 // to which there are connections at once, a few each
)

func openPools(ctx context.Context, in db.Installation) (p pools, err error) {
	for _, want := range []struct {
		pool **pgxpool.Pool
		role db.Role
		size int32
	}{
		{&p.app, db.App, appConnections},
		{&p.control, db.Control, controlConnections},
		{&p.worker, db.Worker, workerConnections},
		{&p.identity, db.Identity, identityConnections},
	} {
		if *want.pool, err = in.Open(ctx, want.role, want.size); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p pools) close() {
	for _, pool := range []*pgxpool.Pool{p.app, p.control, p.worker, p.identity} {
		if pool != nil {
			pool.Close()
		}
	}
}

// assemble makes every feature and plugs each into what it needs.
func assemble(ctx context.Context, cfg Config, store *store, log *slog.Logger) (_ *program, err error) {
	p := &program{cfg: cfg, log: log, store: store, metrics: obs.New(log)}
	defer func() { //nolint:contextcheck // closing goes on when ctx has ended
		if err != nil {
			p.close()
		}
	}()
	if p.pools, err = openPools(ctx, store.installation); err != nil {
		return nil, err
	}
	if err := p.openShared(); err != nil {
		return nil, err
	}
	p.identity, err = identity.New(identity.Config{Pool: p.pools.identity, Key: store.key, PublicURL: cfg.PublicURL, Log: log, Version: Version, Documents: cfg.documents(), Locale: cfg.Locale, AllowPrivate: cfg.AllowPrivate, Throttle: p.throttle("sign-in")})
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	p.hints = &notify.Hub{Pool: p.pools.control, Log: log}
	p.identity.Hear(p.hints)
	if p.places, err = db.NewPlaces(p.pools.control); err != nil {
		return nil, err
	}
	p.silos = db.NewSilos(store.installation, maxSilos)
	if err := p.openData(); err != nil {
		return nil, err
	}
	p.identity.Machines.DB = p.data
	p.clients = &client.Registry{Identity: p.pools.identity, DB: p.data, Forget: p.identity.ForgetTenant}
	p.openKeys()
	p.tiers = tier.New(p.pools.control)
	p.openBrands()
	p.openUsage()
	p.openPeople()
	p.openFederation()
	p.labs = &lab.Service{DB: p.data, Log: log, Room: p.labRoom}
	if err := p.openProvider(ctx); err != nil {
		return nil, err
	}
	if p.inserter, err = job.NewInserter(); err != nil {
		return nil, err
	}
	p.workflows = &workflow.Engine{Pool: p.pools.control, Jobs: p.inserter, Log: log}
	want, err := db.TenantVersion()
	if err != nil {
		return nil, err
	}
	p.upgrades = &upgrade.Service{Pool: p.pools.control, Migrator: store.installation, Want: want, Log: log}
	if err := p.openMail(p.inserter); err != nil {
		return nil, err
	}
	p.environments = &environment.Service{
		Pool: p.pools.control, Host: cfg.Host, Capacity: p.cfg.Capacity, Provider: p.provider, Log: log, Expired: p.expired,
	}
	p.sessions = &session.Service{
		DB: p.data, Labs: p.labs, Environments: places{p.environments}, Provider: p.provider, Jobs: p.inserter,
		Keepers: session.NewKeepers(context.WithoutCancel(ctx)), Room: p.sessionRoom, MaxIdle: cfg.MaxIdle, Log: log,
	}
	if err := errors.Join(p.mountLive(), p.openTenants(want)); err != nil {
		return nil, err
	}
	if err := p.labs.Seed(ctx, tenancy.DefaultTenant(), labs.FS); err != nil {
		return nil, fmt.Errorf("publish the sample labs: %w", err)
	}
	p.openConcurrency()
	p.openRegistration()
	p.openDirectory()
	p.openInvitations()
	p.openMailTemplates()
	if err := p.openOps(ctx); err != nil {
		return nil, err
	}
	p.jobs, err = p.newWorker()
	return p, err
}

// openMail makes the mail service: for a mail server if one is set, else for the mailbox.
func (p *program) openMail(inserter *job.Client) error {
	server, err := p.cfg.smtp()
	p.mail = &mail.Service{Pool: p.pools.control, Jobs: inserter, SMTP: server, Log: p.log}
	p.identity.Proofs.Mailbox = server == nil
	return cmp.Or(err, p.openLetters())
}

// openProvider opens what runs environments; a process without the lab role runs none.
func (p *program) openProvider(ctx context.Context) (err error) {
	if !p.cfg.Has(RoleLab) {
		p.provider, p.cfg.Capacity = sandbox.None{}, 0
		return nil
	}
	p.sandboxes, err = gvisor.New(ctx, gvisor.Config{Runsc: p.cfg.Runsc, Dir: p.cfg.Data + "/sandboxes", Log: p.log})
	if err != nil {
		return err
	}
	p.provider = p.sandboxes
	if p.cfg.Capacity == 0 {
		p.cfg.Capacity, err = capacity()
	}
	return err
}

// newWorker makes the client that runs jobs: those of environments come to their own host's queue.
func (p *program) newWorker() (*job.Client, error) {
	queues, workers := map[string]int{}, river.NewWorkers()
	p.sessions.AddWorkers(workers)
	p.workflows.AddWorkers(workers)
	p.mail.AddWorkers(workers)
	p.registration.AddWorkers(workers)
	p.directory.AddWorkers(workers)
	p.answers.AddWorkers(workers)
	river.AddWorker(workers, &sweepWorker{identity: p.identity, invitations: p.invitations})
	river.AddWorker(workers, &keysWorker{identity: p.identity})
	river.AddWorker(workers, &waveWorker{upgrades: p.upgrades})
	river.AddWorker(workers, &rotateWorker{places: p.places})
	river.AddWorker(workers, &retainWorker{program: p})
	var periodic []*river.PeriodicJob
	if p.cfg.Has(RoleWorker) {
		queues[river.QueueDefault], queues[workflow.Queue], queues[mail.Queue] = defaultWorkers, workflowWorkers, mail.QueueWorkers
		periodic = append(periodic,
			every(time.Hour, SweepArgs{}, river.QueueDefault),
			every(time.Hour, KeysArgs{}, river.QueueDefault),
			every(time.Minute, WaveArgs{}, river.QueueDefault),
			every(10*time.Minute, RotateArgs{}, river.QueueDefault),
			every(retainEvery, RetainArgs{}, river.QueueDefault),
			every(10*time.Minute, registration.SweepArgs{}, river.QueueDefault),
			every(time.Hour, directory.RecheckArgs{}, river.QueueDefault),
			every(10*time.Minute, mail.SweepArgs{}, mail.Queue))
	}
	if p.cfg.Has(RoleLab) {
		queues[job.HostQueue(p.cfg.Host)] = hostWorkers
	}
	if len(queues) == 0 {
		return nil, nil //nolint:nilnil // a process of the api role alone runs no jobs
	}
	return job.NewWorker(job.Work{Pool: p.pools.worker, Workers: workers, Queues: queues, Periodic: periodic, Log: p.log})
}

// handler is everything that browsers and programs reach, and the mux that lists it.
func (p *program) handler() (http.Handler, *httpx.Mux) {
	mux := httpx.NewMux()
	api := p.api(mux)
	p.mountDocs(mux, api)
	obs.AddHealth(mux, p.ready)
	p.identity.Mount(mux)
	p.terminals.Mount(mux)
	p.mountBrands(mux)
	p.mountConsole(mux)
	return p.outer(mux), mux
}

// ready tells whether the program can do its work now.
func (p *program) ready(ctx context.Context) error { return p.pools.control.Ping(ctx) }

// close stops what still runs, in the reverse order of its making. Sandboxes go on.
func (p *program) close() {
	if p.sessions != nil {
		p.sessions.Keepers.Close()
	}
	if p.sandboxes != nil {
		if err := p.sandboxes.Close(); err != nil {
			p.log.Warn("close the sandboxes' connections", "error", err)
		}
	}
	if p.silos != nil {
		p.silos.Close()
	}
	if p.shared != nil {
		_ = p.shared.Close() // nothing is left to write
	}
	p.console.Close()
	p.pools.close()
}

// greet tells people that the program is ready, and what to do next.
func (p *program) greet(ctx context.Context, out io.Writer) error {
	if p.cfg.Has(RoleLab) {
		for _, lack := range p.sandboxes.Lacks() {
			fmt.Fprintln(out, "Limited: "+lack)
		}
	}
	fmt.Fprintf(out, "\nCloudkida is ready:  %s\n", p.cfg.PublicURL)
	link, needed, err := p.identity.SetupLink(ctx)
	if err != nil {
		return err
	}
	if needed {
		fmt.Fprintf(out, "First operator:      %s\n                     (works once; open it to choose your e-mail and password)\n", link)
	}
	fmt.Fprintln(out, "Stop with Ctrl-C.")
	return nil
}

// farewell says what becomes of the labs that run.
func (p *program) farewell(out io.Writer) {
	if n := p.sessions.Keepers.Following(); n > 0 {
		fmt.Fprintf(out, "\n%d running lab(s) keep going and are here again at the next start, until their time is over.\n", n)
	}
}
