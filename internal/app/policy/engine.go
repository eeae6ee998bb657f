package policy

import (
	"context"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// How much an Engine remembers, and for how long at most: hints make changes seen at once, but may be lost.
const (
	cacheSize = 10_000
	cacheLife = 5 * time.Second
)

// ErrForbids says that the organisation's own policy takes the right away.
var ErrForbids = errs.Forbidden("policy_forbids", "A policy of your organisation does not allow this.")

// Engine decides with the policies of tenants. It remembers them for a few seconds.
type Engine struct {
	DB   *db.DB // reads policies and groups where no transaction is open
	Now  func() time.Time
	sets *cache.Cache[uuid.UUID, *Set]
}

// NewEngine returns an Engine; its DB is set before it decides anything.
func NewEngine(now func() time.Time) *Engine {
	return &Engine{Now: now, sets: cache.New[uuid.UUID, *Set](cacheSize, cacheLife, now)}
}

// Forget drops what is remembered of a tenant; of all with the zero UUID.
func (e *Engine) Forget(tenant uuid.UUID) {
	e.sets.Forget(func(t uuid.UUID) bool { return tenant == uuid.Nil || t == tenant })
}

// Decide implements db.Decide.
func (e *Engine) Decide(ctx context.Context, tx pgx.Tx, p tenancy.Permission, of []tenancy.Resource) ([]error, error) {
	scope, _ := tenancy.From(ctx)
	if err := Authorize(ctx, p); err != nil {
		return nil, err
	}
	if !binds(scope, p) {
		return nil, nil
	}
	known, err := e.setOf(ctx, tx, scope.Tenant)
	if err != nil || !known.binds(p) {
		return nil, err
	}
	entities := make([]tenancy.Entity, len(of))
	for n, r := range of {
		entities[n] = r.Resource()
	}
	w, err := e.world(ctx, tx, scope, known, entities)
	if err != nil {
		return nil, err
	}
	refused := make([]error, len(of))
	for n, entity := range entities {
		refused[n] = known.Decide(w, p, entity).Err()
	}
	return refused, nil
}

// binds tells whether a tenant's own policies can take a permission from who asks: never from the program itself, which
// must be able to end and to clean up, and never the right to mend policies.
func binds(scope tenancy.Scope, p tenancy.Permission) bool {
	return scope.Role != tenancy.RoleSystem && builtin().bound[p]
}

// setOf returns the tenant's policies. Where a transaction is open they are read in it: a second connection for who
// holds one already would be a deadlock once all are taken. Only the Service of this package changes policies, and it
// asks for nothing that policies bind while it does, so that what is read here is committed.
func (e *Engine) setOf(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (*Set, error) {
	key := fault.Else(fault.PolicyOfAnyTenant, tenant, uuid.Nil)
	return e.sets.Get(key, func() (*Set, error) {
		var rows []Stored
		err := e.read(ctx, tx, func(tx pgx.Tx) (err error) {
			rows, err = enabled(ctx, tx)
			return err
		})
		if err != nil {
			return nil, err
		}
		return Compile(rows), nil
	})
}

func (e *Engine) world(ctx context.Context, tx pgx.Tx, scope tenancy.Scope, known *Set, of []tenancy.Entity) (*World, error) {
	var members *Membership
	if known.groups {
		err := e.read(ctx, tx, func(tx pgx.Tx) (err error) {
			members, err = membersOf(ctx, tx, users(scope.Peer(), of))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return NewWorld(scope, members, e.Now()), nil
}

// read runs fn in tx, or as the program itself where there is none.
func (e *Engine) read(ctx context.Context, tx pgx.Tx, fn func(pgx.Tx) error) error {
	if tx != nil {
		return fn(tx)
	}
	scope, _ := tenancy.From(ctx)
	return e.DB.InWholeTenant(tenancy.System(ctx, scope.Tenant), TenantSystem, fn)
}

// Set is a tenant's policies, ready to be asked.
type Set struct {
	forbids map[tenancy.Permission][]named
	zoned   map[tenancy.Permission][]zoned // of statements with a time zone
	titles  map[cedar.PolicyID]string
	broken  string // title of a policy that this program cannot read; everything that policies can take away is denied then
	groups  bool   // some policy looks at groups
}

// Stored is a policy as the database has it.
type Stored struct {
	ID    uuid.UUID
	Title string
	Text  string
}

// Compile makes a set of policies that were valid when they were saved.
func Compile(rows []Stored) *Set {
	s := &Set{forbids: map[tenancy.Permission][]named{}, zoned: map[tenancy.Permission][]zoned{}, titles: map[cedar.PolicyID]string{}}
	for _, row := range rows {
		list, err := cedar.NewPolicyListFromBytes("", []byte(row.Text))
		if err != nil {
			s.broken = row.Title
			continue
		}
		s.add(row.ID.String(), row.Title, row.Text, list)
	}
	return s
}

// add adds the statements of one text.
func (s *Set) add(id, title, text string, list cedar.PolicyList) {
	s.groups = s.groups || strings.Contains(text, "roup") // Group and groups
	s.titles[cedar.PolicyID(id)] = title
	for _, p := range list {
		at, ok := zoneOf(p)
		if !ok {
			s.broken = title
			continue
		}
		quick := ready(cedar.PolicyID(id), p)
		for _, action := range builtin().actionsOf(scopeOf(p)) {
			if at == nil {
				s.forbids[action] = append(s.forbids[action], quick)
			} else {
				s.zoned[action] = append(s.zoned[action], zoned{at, []named{quick}})
			}
		}
	}
}

func (s *Set) binds(p tenancy.Permission) bool {
	return s.broken != "" || len(s.forbids[p]) > 0 || len(s.zoned[p]) > 0
}

// Decision is an answer with its reasons.
type Decision struct {
	Allowed bool
	Role    string   // of who asks
	Permits bool     // the role permits it
	By      []string // ids of the tenant's policies that forbid
	Titles  []string // of those
	Failed  string   // what went wrong with a policy, which denies
}

// Decide asks the role's policies and the tenant's own. A policy that cannot be evaluated denies: to Cedar it would be as
// if it were not there, and what it forbids would be open.
func (s *Set) Decide(w *World, p tenancy.Permission, of tenancy.Entity) Decision {
	about := w.resource(of)
	decision, why := w.ask(p, about, builtin().permits[p], s.forbids[p])
	d := Decision{Allowed: decision == cedar.Allow, Role: string(w.role), Permits: builtin().allowed[w.role][p]}
	s.because(&d, why)
	for _, z := range s.zoned[p] {
		_, why := w.askAt(moment(w.at.In(z.at), w.client), p, about, z.list)
		if s.because(&d, why); len(why.Reasons) > 0 { // they forbid, and nothing else
			d.Allowed = false
		}
	}
	if s.broken != "" {
		d.Allowed, d.Failed = false, "This version of the program cannot read the policy."
		d.by("", s.broken)
	}
	return d
}

// because adds why something was decided, and denies where a policy failed.
func (s *Set) because(d *Decision, why cedar.Diagnostic) {
	for _, r := range why.Reasons {
		if title, own := s.titles[r.PolicyID]; own {
			d.by(string(r.PolicyID), title)
		}
	}
	for _, failed := range why.Errors {
		d.Allowed, d.Failed = false, failed.Message
		d.by(string(failed.PolicyID), s.titles[failed.PolicyID])
	}
}

func (d *Decision) by(id, title string) {
	d.By, d.Titles = append(d.By, id), append(d.Titles, title)
}

// Err is the decision for the caller.
func (d Decision) Err() error {
	switch {
	case d.Allowed:
		return nil
	case len(d.Titles) > 0:
		return ErrForbids.Because("The policy “%s” of your organisation does not allow this. Ask one of its administrators.", d.Titles[0])
	default:
		return errForbidden
	}
}
