// Package group is a tenant's groups of people: who is in them, which labs are for them alone, and how many labs a member
// may run at once. A group may be in another one, once: its members then have what is assigned to the upper group, too.
package group

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Bounds.
const (
	maxGroups = 500 // of a tenant
	maxLabs   = 500 // of a group
	maxName   = 100
	maxNote   = 500
)

// Group is one row with what hangs on it.
type Group struct {
	ID          uuid.UUID
	Name        string
	Note        string
	Parent      *uuid.UUID // the group that it is in
	MaxSessions *int       // labs that each member may run at once; nil: the plan's limits alone
	Version     int64      // grows with every change
	CreatedAt   time.Time
	Members     int64
	Labs        int64
	Children    int64
}

// Freed is what the deletion of a group does.
type Freed struct {
	Members  int64    `json:"members" doc:"People who are not in the group any more; they stay in the organisation"`
	Children int64    `json:"children" doc:"Groups below it, which stay and are at the top then"`
	Labs     []string `json:"labs" nullable:"false" doc:"Slugs of labs that are for no other group: everybody in the organisation can start them then"`
	Limit    *int     `json:"limit,omitempty" doc:"The limit of labs at once that does not hold any more"`
}

// Lab is a lab that a group has.
type Lab struct {
	Slug  string `json:"slug"`
	Title string `json:"title"`
}

// Service keeps groups.
type Service struct {
	DB      *db.DB
	Members *member.Service
}

// The errors that callers can tell apart.
var (
	ErrNotFound = errs.NotFound("no_such_group", "There is no such group in this organisation. Load the list again.")
	ErrTaken    = errs.Conflict("group_name_taken", "There is a group of this name already. Choose another name.")
	ErrChanged  = errs.Changed("group_changed", "Somebody else has changed this group meanwhile. Load it again, then repeat your change.")
	ErrNested   = errs.Conflict("group_nested", "Groups are nested once: a group that is in another one has none below it.")
	ErrMany     = errs.Conflict("too_many_groups", "An organisation has at most 500 groups. Delete one that nobody needs.")
	ErrManyLabs = errs.Conflict("too_many_labs", "A group has at most 500 labs of its own.")
	ErrNoLab    = errs.NotFound("lab_not_found", "There is no such lab in the catalogue.")

	errGroup = errs.Invalid("invalid_group", "The group cannot be like this; see errors.")
)

// check cleans a group and reports every problem at once.
func (g *Group) check() error {
	g.Name = norm.NFC.String(strings.Join(strings.Fields(g.Name), " "))
	g.Note = norm.NFC.String(strings.TrimSpace(g.Note))
	var fields []errs.Field
	problem := func(path, message string) {
		fields = append(fields, errs.Field{Path: "body." + path, Message: message})
	}
	switch {
	case g.Name == "" || utf8.RuneCountInString(g.Name) > maxName:
		problem("name", "Want 1 to 100 characters.")
	case !shown(g.Name) || strings.Contains(g.Name, "|"):
		problem("name", "Use letters that can be shown, and no vertical bar: lists of people part groups by it.")
	}
	if utf8.RuneCountInString(g.Note) > maxNote || !shown(g.Note) {
		problem("note", "Want at most 500 characters that can be shown.")
	}
	if g.MaxSessions != nil && (*g.MaxSessions < 1 || *g.MaxSessions > 1000) {
		problem("maxSessions", "Want 1 to 1000, or nothing for the plan's limits alone.")
	}
	if len(fields) > 0 {
		return errGroup.WithFields(fields...)
	}
	return nil
}

func shown(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
}

// key is how names are compared.
func key(name string) string { return norm.NFC.String(strings.ToLower(norm.NFKC.String(name))) }

// Resource implements tenancy.Resource.
func (g Group) Resource() tenancy.Entity {
	return tenancy.Entity{Kind: "Group", ID: g.ID.String()}
}

// List returns groups by name, and the group to go on after unless it is the last page.
func (s *Service) List(ctx context.Context, f Filter) (found []Group, last *Group, err error) {
	page, err := db.PageInTenant(ctx, s.DB, policy.GroupRead, f.Limit, listSQL, func(after *Group, limit int) pgx.NamedArgs {
		f.Limit = limit
		if after != nil {
			f.After = after.ID
		}
		return f.args()
	}, pgx.RowToStructByPos[Group])
	if err != nil {
		return nil, nil, fmt.Errorf("list groups: %w", err)
	}
	return page.Rows, page.Last, nil
}

// allow asks for a permission on a group; who may not see it hears that there is none.
func allow(ctx context.Context, tx pgx.Tx, p tenancy.Permission, g Group) error {
	if p == policy.GroupRead {
		return db.See(ctx, tx, p, g, ErrNotFound)
	}
	return db.Allow(ctx, tx, p, g)
}

// Get shows a group, and what its deletion would do.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (g Group, f Freed, err error) {
	err = s.DB.InTenant(ctx, policy.GroupRead, func(tx pgx.Tx) error {
		if g, err = get(ctx, tx, policy.GroupRead, id, readOnly); err != nil {
			return err
		}
		f, err = frees(ctx, tx, g)
		return err
	})
	return g, f, err
}

// Add adds a group.
func (s *Service) Add(ctx context.Context, g Group) (added Group, err error) {
	if err := g.check(); err != nil {
		return Group{}, err
	}
	err = s.DB.InWholeTenant(ctx, policy.GroupWrite, func(tx pgx.Tx) error {
		if err := roomForGroup(ctx, tx); err != nil {
			return err
		}
		if err := checkParent(ctx, tx, g); err != nil {
			return err
		}
		id, err := insert(ctx, tx, g)
		if err != nil {
			return err
		}
		if added, err = read(ctx, tx, id, readOnly); err != nil {
			return err
		}
		return audit.Changed(ctx, tx, "group.added", id.String(), nil, g.detail())
	})
	return added, err
}

// Change replaces a group whose version is still the one that the caller saw.
func (s *Service) Change(ctx context.Context, g Group) (changed Group, err error) {
	if err := g.check(); err != nil {
		return Group{}, err
	}
	err = s.DB.InTenant(ctx, policy.GroupWrite, func(tx pgx.Tx) error {
		now, err := get(ctx, tx, policy.GroupWrite, g.ID, lockRow)
		switch {
		case err != nil:
			return err
		case now.Version != g.Version:
			return ErrChanged
		}
		if err := checkParent(ctx, tx, g); err != nil {
			return err
		}
		if err := update(ctx, tx, g); err != nil {
			return err
		}
		if changed, err = read(ctx, tx, g.ID, readOnly); err != nil {
			return err
		}
		return audit.Changed(ctx, tx, "group.changed", g.ID.String(), now.detail(), g.detail())
	})
	return changed, err
}

func (g *Group) detail() map[string]any {
	d := map[string]any{"name": g.Name}
	if g.Parent != nil {
		d["parent"] = *g.Parent
	}
	if g.MaxSessions != nil {
		d["maxSessions"] = *g.MaxSessions
	}
	return d
}

// checkParent says what is wrong with the group to be in. The database holds to it whoever comes at once.
func checkParent(ctx context.Context, tx pgx.Tx, g Group) error {
	if g.Parent == nil {
		return nil
	}
	if *g.Parent == g.ID {
		return ErrNested
	}
	parent, err := get(ctx, tx, policy.GroupWrite, *g.Parent, readOnly)
	switch {
	case err != nil:
		return err
	case parent.Parent != nil:
		return ErrNested
	}
	return nil
}

// Remove deletes a group and returns what that freed. Groups below it go to the top; people and labs stay.
func (s *Service) Remove(ctx context.Context, id uuid.UUID) (f Freed, err error) {
	err = s.DB.InTenant(ctx, policy.GroupWrite, func(tx pgx.Tx) error {
		g, err := get(ctx, tx, policy.GroupWrite, id, lockRow)
		if err != nil {
			return err
		}
		if f, err = frees(ctx, tx, g); err != nil {
			return err
		}
		if err := remove(ctx, tx, id); err != nil {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{Action: "group.removed", Target: id.String(), Before: g.detail(), Detail: map[string]any{
			"members": f.Members, "children": f.Children, "labsForEverybody": len(f.Labs),
		}})
	})
	return f, err
}

// People lists who is in the group, by the age of their accounts.
func (s *Service) People(ctx context.Context, id, before uuid.UUID, limit int) (people []member.Member, next uuid.UUID, err error) {
	var users []uuid.UUID
	err = s.DB.InTenant(ctx, policy.GroupRead, func(tx pgx.Tx) error {
		if _, err := get(ctx, tx, policy.GroupRead, id, readOnly); err != nil {
			return err
		}
		users, err = membersOf(ctx, tx, id, before, limit+1)
		return err
	})
	if err != nil {
		return nil, uuid.Nil, err
	}
	if len(users) > limit {
		users, next = users[:limit], users[limit-1]
	}
	found, err := s.Members.Among(ctx, users)
	if err != nil {
		return nil, uuid.Nil, err
	}
	for _, user := range users {
		if m, ok := found[user]; ok { // who has left a moment ago is not shown
			people = append(people, m)
		}
	}
	return people, next, nil
}

// AddPerson puts a member of the tenant in the group. It can be repeated.
func (s *Service) AddPerson(ctx context.Context, id, user uuid.UUID) error {
	if err := s.DB.Allow(ctx, policy.GroupWrite, tenancy.Whole{}); err != nil {
		return err
	}
	found, err := s.Members.Among(ctx, []uuid.UUID{user})
	if err != nil {
		return err
	}
	if _, ok := found[user]; !ok && !fault.On(fault.GroupTakesAnybody) {
		return member.ErrNotFound
	}
	return s.change(ctx, id, audit.Entry{Action: "group.member_added", After: map[string]any{"user": user}}, func(tx pgx.Tx) (bool, error) {
		return addMember(ctx, tx, id, user)
	})
}

// RemovePerson takes somebody out of the group. It can be repeated.
func (s *Service) RemovePerson(ctx context.Context, id, user uuid.UUID) error {
	return s.change(ctx, id, audit.Entry{Action: "group.member_removed", Before: map[string]any{"user": user}}, func(tx pgx.Tx) (bool, error) {
		return removeMember(ctx, tx, id, user)
	})
}

// Labs lists the labs that are for the group, by title.
func (s *Service) Labs(ctx context.Context, id uuid.UUID) (labs []Lab, err error) {
	err = s.DB.InTenant(ctx, policy.GroupRead, func(tx pgx.Tx) error {
		if _, err := get(ctx, tx, policy.GroupRead, id, readOnly); err != nil {
			return err
		}
		labs, err = labsOf(ctx, tx, id)
		return err
	})
	return labs, err
}

// AddLab keeps a lab for the group, and for the other groups that have it. It can be repeated.
func (s *Service) AddLab(ctx context.Context, id uuid.UUID, slug string) error {
	return s.change(ctx, id, audit.Entry{Action: "group.lab_added", After: map[string]any{"lab": slug}}, func(tx pgx.Tx) (bool, error) {
		return addLab(ctx, tx, id, slug)
	})
}

// RemoveLab takes a lab from the group; without another group it is for everybody. It can be repeated.
func (s *Service) RemoveLab(ctx context.Context, id uuid.UUID, slug string) error {
	return s.change(ctx, id, audit.Entry{Action: "group.lab_removed", Before: map[string]any{"lab": slug}}, func(tx pgx.Tx) (bool, error) {
		return removeLab(ctx, tx, id, slug)
	})
}

// change runs fn while nobody else changes the group; what changed something has an entry.
func (s *Service) change(ctx context.Context, id uuid.UUID, e audit.Entry, fn func(tx pgx.Tx) (bool, error)) error {
	return s.DB.InTenant(ctx, policy.GroupWrite, func(tx pgx.Tx) error {
		if _, err := get(ctx, tx, policy.GroupWrite, id, lockRow); err != nil {
			return err
		}
		changed, err := fn(tx)
		if err != nil || !changed {
			return err
		}
		e.Target = id.String()
		return audit.Add(ctx, tx, e)
	})
}

// Names are all groups of the tenant that tx is of.
func (s *Service) Names(ctx context.Context, tx pgx.Tx) (map[uuid.UUID]string, error) {
	return names(ctx, tx)
}

// Join puts somebody in those of these groups that are there.
func (s *Service) Join(ctx context.Context, tx pgx.Tx, user uuid.UUID, groups []uuid.UUID) error {
	return joinAll(ctx, tx, user, groups)
}

// SetNamed puts a user into those of the groups that there are, as the program itself: what an identity provider of the
// organisation's says of somebody. It takes them out of those that the same provider gave before and no longer names, and
// out of no others.
func (s *Service) SetNamed(ctx context.Context, user, provider uuid.UUID, names []string) error {
	keys := make([]string, len(names))
	for n, name := range names {
		keys[n] = key(name)
	}
	return s.DB.InWholeTenant(ctx, policy.TenantSystem, func(tx pgx.Tx) error {
		left, err := leaveUnnamed(ctx, tx, user, provider, keys)
		if err != nil {
			return err
		}
		joined, err := joinNamed(ctx, tx, user, provider, keys)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			err = audit.Changed(ctx, tx, "group.member_left", user.String(), map[string]any{"groups": left}, nil)
		}
		if err != nil || len(joined) == 0 {
			return err
		}
		return audit.Changed(ctx, tx, "group.member_joined", user.String(), nil, map[string]any{"groups": joined})
	})
}

// Leave takes somebody out of every group of the tenant.
func (s *Service) Leave(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	return leaveAll(ctx, tx, user)
}

// Of names the groups that somebody is in.
func (s *Service) Of(ctx context.Context, tx pgx.Tx, user uuid.UUID) ([]string, error) {
	return namesOf(ctx, tx, user)
}

// ErrLimit says that a group's limit is reached.
var ErrLimit = errs.Conflict("group_limit", "")

// Room tells, in a transaction of the tenant's data, whether somebody who runs so many labs may start one more: the
// smallest limit of their groups, and of those above them, holds.
func Room(ctx context.Context, tx pgx.Tx, user uuid.UUID, running int64) error {
	name, most, bounded, err := smallestLimit(ctx, tx, user)
	if err != nil || !bounded || running < most {
		return err
	}
	return ErrLimit.Because("Members of the group %s run at most %d labs at once, and you run %d. End one first.", name, most, running)
}

// Sees tells whether the caller sees a lab without a look at its groups. Of one that is restricted to some, Visible tells
// the rest.
func Sees(ctx context.Context, restricted bool) bool {
	scope, _ := tenancy.From(ctx)
	return !restricted || staff(scope.Role)
}

// staff tells whether a role sees every lab, whatever groups it is for.
func staff(r tenancy.Role) bool {
	switch r {
	case tenancy.RoleOwner, tenancy.RoleAdmin, tenancy.RoleAuthor, tenancy.RoleInstructor, tenancy.RoleSystem:
		return true
	default:
		return false
	}
}
