package policy

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Bounds.
const (
	maxPolicies = 50 // of a tenant
	maxVersions = 100
	maxTitle    = 100
)

// Policy is one of a tenant's own.
type Policy struct {
	ID        uuid.UUID
	Title     string
	Text      string
	Enabled   bool
	Version   int64      // grows with every change
	ChangedBy *uuid.UUID // who made this version; nil: the program itself
	ChangedAt time.Time
}

// Service keeps the policies of tenants.
type Service struct {
	DB     *db.DB
	Engine *Engine
	// Changed tells all processes that the tenant's policies are others now.
	Changed func(ctx context.Context, tenant uuid.UUID)
	// Names gives the names of people.
	Names func(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error)
	// RoleOf is a member's role in the tenant of ctx.
	RoleOf func(ctx context.Context, user uuid.UUID) (tenancy.Role, error)
	// Find loads a resource of the tenant of ctx by its kind and id.
	Find func(ctx context.Context, kind, id string) (tenancy.Resource, error)
}

// The errors that callers can tell apart.
var (
	ErrNotFound  = errs.NotFound("no_such_policy", "There is no such policy in this organisation. Load the list again.")
	ErrNoVersion = errs.NotFound("no_such_policy_version", "The policy has no such version. Load its history again.")
	ErrChanged   = errs.Changed("policy_changed", "Somebody else has changed this policy meanwhile. Load it again, then repeat your change.")
	ErrMany      = errs.Conflict("too_many_policies", "An organisation has at most 50 policies. Delete one that nobody needs.")

	errPolicy = errs.Invalid("invalid_policy", "The policy cannot be like this; see errors.")
	errTopic  = errs.Invalid("not_asked", "The permission is not asked for this kind of thing, or no policy can take it away; the list of policies has all topics.")

	// ErrResource is returned by Service.Find.
	ErrResource = errs.NotFound("no_such_resource", "There is nothing of this kind and id to ask about.")
)

// check cleans a policy. It returns the groups that it names, or every problem at once.
func (p *Policy) check() ([]uuid.UUID, error) {
	p.Title = strings.Join(strings.Fields(p.Title), " ")
	p.Text = strings.ReplaceAll(p.Text, "\r\n", "\n")
	var fields []errs.Field
	if n := utf8.RuneCountInString(p.Title); n == 0 || n > maxTitle || !utf8.ValidString(p.Title) || strings.ContainsFunc(p.Title, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}) {
		fields = append(fields, errs.Field{Path: "body.title", Message: "Want 1 to 100 characters that can be shown."})
	}
	groups, problems := Parse(p.Text)
	for _, problem := range problems {
		fields = append(fields, problem.field())
	}
	if len(fields) > 0 {
		return nil, errPolicy.WithFields(fields...)
	}
	return groups, nil
}

// List returns the tenant's policies by title.
func (s *Service) List(ctx context.Context) (found []Policy, err error) {
	err = s.DB.InWholeTenant(ctx, PolicyRead, func(tx pgx.Tx) error {
		found, err = list(ctx, tx)
		return err
	})
	return found, err
}

// Get returns a policy.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (p Policy, err error) {
	err = s.DB.InWholeTenant(ctx, PolicyRead, func(tx pgx.Tx) error {
		p, err = get(ctx, tx, id, "")
		return err
	})
	return p, err
}

// Add adds a policy. It holds at once, if it is enabled.
func (s *Service) Add(ctx context.Context, p Policy) (Policy, error) {
	groups, err := p.check()
	if err != nil {
		return Policy{}, err
	}
	err = s.change(ctx, func(tx pgx.Tx) (audit.Entry, error) {
		if err := room(ctx, tx); err != nil {
			return audit.Entry{}, err
		}
		if err := knownGroups(ctx, tx, groups); err != nil {
			return audit.Entry{}, err
		}
		p, err = insert(ctx, tx, p)
		return p.entry("policy.added", nil, p.shown()), err
	})
	return p, err
}

// Change replaces a policy whose version is still the one that the caller saw.
func (s *Service) Change(ctx context.Context, p Policy) (Policy, error) {
	groups, err := p.check()
	if err != nil {
		return Policy{}, err
	}
	err = s.change(ctx, func(tx pgx.Tx) (audit.Entry, error) {
		now, err := get(ctx, tx, p.ID, lockRow)
		switch {
		case err != nil:
			return audit.Entry{}, err
		case now.Version != p.Version:
			return audit.Entry{}, ErrChanged
		}
		if err := knownGroups(ctx, tx, groups); err != nil {
			return audit.Entry{}, err
		}
		p, err = update(ctx, tx, p)
		return p.entry("policy.changed", now.shown(), p.shown()), err
	})
	return p, err
}

// Restore makes an earlier version the newest one. It is validated anew: the program may have learned since.
func (s *Service) Restore(ctx context.Context, id uuid.UUID, number int64) (p Policy, err error) {
	err = s.change(ctx, func(tx pgx.Tx) (e audit.Entry, err error) {
		now, err := get(ctx, tx, id, lockRow)
		if err != nil {
			return e, err
		}
		old, err := version(ctx, tx, id, number)
		if err != nil {
			return e, err
		}
		before := now.shown()
		now.Title, now.Text, now.Enabled = old.Title, old.Text, old.Enabled
		groups, err := now.check()
		if err != nil {
			return e, err
		}
		if err := knownGroups(ctx, tx, groups); err != nil {
			return e, err
		}
		p, err = update(ctx, tx, now)
		e = p.entry("policy.restored", before, p.shown())
		e.Detail["from"] = number
		return e, err
	})
	return p, err
}

// Remove deletes a policy with its history. The entry in the audit log has its text: that is the way back.
func (s *Service) Remove(ctx context.Context, id uuid.UUID) error {
	return s.change(ctx, func(tx pgx.Tx) (audit.Entry, error) {
		p, err := get(ctx, tx, id, lockRow)
		if err != nil {
			return audit.Entry{}, err
		}
		return p.entry("policy.removed", p.shown(), nil), remove(ctx, tx, id)
	})
}

// Versions returns a policy's newest versions, the newest first.
func (s *Service) Versions(ctx context.Context, id uuid.UUID) (found []Policy, err error) {
	err = s.DB.InWholeTenant(ctx, PolicyRead, func(tx pgx.Tx) error {
		if _, err := get(ctx, tx, id, ""); err != nil {
			return err
		}
		found, err = versions(ctx, tx, id)
		return err
	})
	return found, err
}

// shown is what the log says of a policy.
func (p Policy) shown() map[string]any {
	return map[string]any{"title": p.Title, "text": p.Text, "enabled": p.Enabled}
}

func (p Policy) entry(action string, before, after map[string]any) audit.Entry {
	return audit.Entry{
		Action: action, Target: p.ID.String(), Before: before, After: after,
		Detail: map[string]any{"title": p.Title, "version": p.Version, "enabled": p.Enabled},
	}
}

// change runs fn, writes its entry, and makes every process forget what the tenant's policies were.
func (s *Service) change(ctx context.Context, fn func(pgx.Tx) (audit.Entry, error)) error {
	err := s.DB.InWholeTenant(ctx, PolicyWrite, func(tx pgx.Tx) error {
		e, err := fn(tx)
		if err != nil {
			return err
		}
		return audit.Add(ctx, tx, e)
	})
	if err != nil {
		return err
	}
	scope, _ := tenancy.From(ctx)
	s.Engine.Forget(scope.Tenant)
	if s.Changed != nil {
		s.Changed(context.WithoutCancel(ctx), scope.Tenant)
	}
	return nil
}

// Check reads a text as if it were saved, and returns all of its mistakes.
func (s *Service) Check(ctx context.Context, text string) (problems []Problem, err error) {
	groups, problems := Parse(strings.ReplaceAll(text, "\r\n", "\n"))
	err = s.DB.InWholeTenant(ctx, PolicyWrite, func(tx pgx.Tx) error {
		err := knownGroups(ctx, tx, groups)
		if errs.KindOf(err) == errs.KindInvalid {
			problems, err = append(problems, Problem{1, 1, unknownGroup}), nil
		}
		return err
	})
	return problems, err
}

// Question is what the simulator is asked.
type Question struct {
	User   uuid.UUID
	Action tenancy.Permission
	Kind   string
	ID     string
	At     time.Time // zero: now
	Client string    // by what the member would ask; empty: the console
	Draft  *Policy   // holds as if it were saved, in place of the one with its id
}

// Simulate answers as if the member asked, without doing anything.
func (s *Service) Simulate(ctx context.Context, q Question) (d Decision, err error) {
	if err := s.DB.Allow(ctx, PolicyRead, tenancy.Whole{}); err != nil {
		return d, err
	}
	scope, _ := tenancy.From(ctx)
	role, err := s.RoleOf(ctx, q.User)
	if err != nil {
		return d, err
	}
	if !slices.ContainsFunc(Topics(), func(t Topic) bool { return t.Action == q.Action && slices.Contains(t.Kinds, q.Kind) }) {
		return d, errTopic
	}
	var about tenancy.Resource = tenancy.Whole{}
	if q.Kind != tenancy.KindTenant {
		if about, err = s.Find(ctx, q.Kind, q.ID); err != nil {
			return d, err
		}
	}
	if q.Draft != nil {
		if _, err := q.Draft.check(); err != nil {
			return d, err
		}
	}
	if q.At.IsZero() {
		q.At = s.Engine.Now()
	}
	as := tenancy.Scope{Tenant: scope.Tenant, User: q.User, Role: role, Client: q.Client}
	if !builtin().allowed[role][q.Action] || !binds(as, q.Action) {
		permits := builtin().allowed[role][q.Action]
		return Decision{Allowed: permits, Role: string(role), Permits: permits}, nil
	}
	err = s.DB.InWholeTenant(ctx, PolicyRead, func(tx pgx.Tx) error {
		rows, err := enabled(ctx, tx)
		if err != nil {
			return err
		}
		entity := about.Resource()
		members, err := membersOf(ctx, tx, users(q.User, []tenancy.Entity{entity}))
		if err != nil {
			return err
		}
		d = Compile(q.with(rows)).Decide(NewWorld(as, members, q.At), q.Action, entity)
		return nil
	})
	return d, err
}

// with puts the draft among the policies that hold.
func (q *Question) with(rows []Stored) []Stored {
	if q.Draft == nil {
		return rows
	}
	rows = slices.DeleteFunc(rows, func(r Stored) bool { return r.ID == q.Draft.ID })
	return append(rows, Stored{ID: q.Draft.ID, Title: q.Draft.Title, Text: q.Draft.Text})
}

// Topic is what a permission is asked for: kinds of resources.
type Topic struct {
	Action tenancy.Permission `json:"action" example:"session.start"`
	Kinds  []string           `json:"kinds" nullable:"false" doc:"Kinds of what it is asked for"`
}

// Topics are the permissions that policies can take away.
func Topics() []Topic {
	var list []Topic
	for _, p := range builtin().actions() {
		if !builtin().bound[p] {
			continue
		}
		t := Topic{Action: p}
		for _, kind := range builtin().schema.Actions[actionUID(p)].AppliesTo.Resources {
			t.Kinds = append(t.Kinds, string(kind))
		}
		list = append(list, t)
	}
	return list
}
