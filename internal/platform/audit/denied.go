package audit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Denial is something that somebody tried and may not do.
type Denial struct {
	Tenant uuid.UUID    // whose log gets it; zero: of every organisation of Person
	Person uuid.UUID    // whose account was tried; zero: the actor's own attempt
	Actor  uuid.UUID    // zero: nobody knows
	Kind   tenancy.Kind // of the actor
	Action string       // "access.denied" or "sign_in.failed"
	Target string       // such as "POST /v1/labs"
	Code   string       // of the answer
}

// deniedKey is what attempts are counted by.
type deniedKey Denial

type deniedCount struct {
	n             int64
	first, last   time.Time
	request, from string // of the last one

}

// Denials counts what was denied and writes it once a minute: an entry for each that says how often. Attempts are cheap to
// make, so neither what is remembered nor what is written grows with them.
type Denials struct {
	DB       *db.DB
	Identity *pgxpool.Pool      // of the role identity
	System   tenancy.Permission // of the program itself
	Log      *slog.Logger
	Now      func() time.Time

	mu      sync.Mutex
	counts  map[deniedKey]*deniedCount
	tenants map[uuid.UUID]int // how many keys each has
}

// Bounds of what is remembered in a minute. What is beyond is counted together: by tenant, and then without one.
const (
	deniedEvery     = time.Minute
	deniedKeys      = 10_000
	deniedPerTenant = 50
	deniedTime      = 20 * time.Second
	deniedOthers    = "others"
)

// Add counts one attempt. It never waits for the database, and takes the same time whoever it is about.
func (d *Denials) Add(ctx context.Context, a Denial) {
	if a.Tenant == uuid.Nil && a.Person == uuid.Nil {
		return
	}
	origin, now := tenancy.OriginOf(ctx), d.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts == nil {
		d.counts, d.tenants = map[deniedKey]*deniedCount{}, map[uuid.UUID]int{}
	}
	c := d.counts[deniedKey(a)]
	if c == nil {
		of := a.Tenant
		if of == uuid.Nil {
			of = a.Person
		}
		if len(d.counts) >= deniedKeys {
			return
		}
		if d.tenants[of] >= deniedPerTenant {
			a.Actor, a.Kind, a.Target, a.Code = uuid.Nil, tenancy.Program, deniedOthers, ""
			c = d.counts[deniedKey(a)]
		}
		if c == nil {
			c = &deniedCount{first: now}
			d.counts[deniedKey(a)] = c
			d.tenants[of]++
		}
	}
	c.n++
	c.last, c.request, c.from = now, origin.Request, origin.Address
}

// Run writes what was counted every minute, and the rest when ctx ends.
func (d *Denials) Run(ctx context.Context) {
	tick := time.NewTicker(deniedEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			d.Flush(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			d.Flush(ctx)
		}
	}
}

// Flush writes what was counted until now.
func (d *Denials) Flush(ctx context.Context) {
	d.mu.Lock()
	counts := d.counts
	d.counts, d.tenants = nil, nil
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, deniedTime)
	defer cancel()
	for key, c := range counts {
		if err := d.write(ctx, Denial(key), c); err != nil {
			d.Log.WarnContext(ctx, "write what was denied", "tenant", key.Tenant, "attempts", c.n, "error", err)
		}
	}
}

func (d *Denials) write(ctx context.Context, a Denial, c *deniedCount) error {
	ctx = tenancy.WithOrigin(ctx, tenancy.Origin{Request: c.request, Address: c.from})
	ctx = tenancy.With(ctx, tenancy.Scope{Tenant: a.Tenant, User: a.Actor, Role: tenancy.RoleSystem, Kind: a.Kind})
	e := Entry{Action: a.Action, Target: a.Target, Detail: map[string]any{"attempts": c.n, "first": c.first.UTC(), "last": c.last.UTC()}}
	if a.Code != "" {
		e.Detail["answer"] = a.Code
	}
	if a.Tenant == uuid.Nil {
		return OfPerson(ctx, d.Identity, a.Person, e)
	}
	err := d.DB.InWholeTenant(ctx, d.System, func(tx pgx.Tx) error { return Add(ctx, tx, e) })
	if errors.Is(err, db.ErrNoTenant) || errs.KindOf(err) == errs.KindNotFound {
		return nil
	}
	return err
}
