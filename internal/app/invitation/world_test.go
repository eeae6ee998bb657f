package invitation_test

import (
	"context"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/group"
	"github.com/cloudkida/cloudkida/internal/app/identity/provision"
	"github.com/cloudkida/cloudkida/internal/app/invitation"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/letter/lettertest"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// world is an installation with one organisation in it.
type world struct {
	*invitation.Service
	t      *testing.T
	db     *dbtest.Database
	groups *group.Service
	tenant uuid.UUID
	owner  context.Context //nolint:containedctx // who acts
	seats  int64           // of the plan; 0: no bound
}

var errFull = errs.Conflict("plan_limit", "full")

func open(t *testing.T) *world {
	t.Helper()
	d := dbtest.New(t)
	w := &world{t: t, db: d}
	data := d.Role(policy.Authorize)
	room := func(context.Context, uuid.UUID) (func(int64) error, error) {
		if w.seats == 0 {
			return nil, nil //nolint:nilnil // nothing bounds them
		}
		return func(used int64) error {
			if used >= w.seats {
				return errFull
			}
			return nil
		}, nil
	}
	members := &member.Service{Identity: d.Identity, DB: data, Forget: func(uuid.UUID) {}, Room: room}
	w.groups = &group.Service{DB: data, Members: members}
	w.Service = &invitation.Service{
		Identity: d.Identity, DB: data, Members: members, Groups: w.groups,
		People:  &provision.Service{DB: d.Identity, PublicURL: "https://labs.example", Now: time.Now, Forget: func(uuid.UUID) {}, Room: room},
		Letters: lettertest.Writer(&mail.Service{Pool: d.Control, Log: slog.New(slog.DiscardHandler)}, "Acme"), PublicURL: "https://labs.example",
		Throttle: throttle.New(1000, time.Now), Limits: invitation.DefaultLimits(),
	}
	return w.another("acme")
}

// another is one more organisation of the same installation.
func (w *world) another(name string) *world {
	w.t.Helper()
	scope, _ := tenancy.From(w.db.Tenant(w.t, name, tenancy.RoleOwner))
	o := *w
	o.tenant = scope.Tenant
	o.owner, _ = o.add("owner@"+name+".example", tenancy.RoleOwner)
	return &o
}

// person makes an account with a password; proved says whether its address is.
func (w *world) person(email string, proved bool) uuid.UUID {
	w.t.Helper()
	var user uuid.UUID
	err := w.db.Identity.QueryRow(w.t.Context(), `
		insert into identity."user" (pool_id, email, email_key, name, password_hash, email_proved_at)
		select id, $1, lower($1), 'Pat', 'x', case when $2 then now() end from identity.pool where name = 'default' returning id`, email, proved).Scan(&user)
	if err != nil {
		w.t.Fatal(err)
	}
	return user
}

func (w *world) add(email string, role tenancy.Role) (context.Context, uuid.UUID) {
	w.t.Helper()
	user := w.person(email, true)
	w.join(user, role)
	return w.as(user, role), user
}

func (w *world) join(user uuid.UUID, role tenancy.Role) {
	w.t.Helper()
	_, err := w.db.Identity.Exec(w.t.Context(), `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, $3)`, user, w.tenant, string(role))
	if err != nil {
		w.t.Fatal(err)
	}
}

// as is a context in which somebody acts.
func (w *world) as(user uuid.UUID, role tenancy.Role) context.Context {
	return tenancy.With(w.t.Context(), tenancy.Scope{Tenant: w.tenant, User: user, Role: role, Request: "r1"})
}

// invite invites one person and returns the invitation with the token from the mail.
func (w *world) invite(as context.Context, email string, role tenancy.Role, groups ...string) (invitation.Invitation, string) {
	w.t.Helper()
	report, err := w.Invite(as, []invitation.Wish{{Line: 1, Email: email, Role: role, Groups: groups}})
	if err != nil {
		w.t.Fatal(err)
	}
	if report[0].Problem != "" {
		w.t.Fatalf("%s as %s: %s", email, role, report[0].Problem)
	}
	found, err := w.List(as, invitation.Filter{Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range found {
		if strings.EqualFold(i.Email, email) && i.State == invitation.Open {
			return i, w.token(email)
		}
	}
	w.t.Fatalf("no invitation of %s", email)
	return invitation.Invitation{}, ""
}

var link = regexp.MustCompile(`https://labs\.example/invitation#token=(\S+)`)

// token is in the latest mail to the address.
func (w *world) token(email string) string {
	w.t.Helper()
	var text string
	err := w.db.Control.QueryRow(w.t.Context(), `select text from control.mail_message where lower(recipient) = lower($1) order by id desc limit 1`, email).Scan(&text)
	if err != nil {
		w.t.Fatal(err)
	}
	found := link.FindStringSubmatch(text)
	if found == nil {
		w.t.Fatalf("no link in %q", text)
	}
	token, err := url.QueryUnescape(found[1])
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// role is what the account of an address is in the organisation: "" for nothing.
func (w *world) role(email string) (role string) {
	w.t.Helper()
	err := w.db.Identity.QueryRow(w.t.Context(), `
		select coalesce(max(m.role || case m.status when 'active' then '' else ' ' || m.status end), '') from identity.membership m join identity."user" u on u.id = m.user_id
		where u.email_key = lower($1) and m.tenant_id = $2`, email, w.tenant).Scan(&role)
	if err != nil {
		w.t.Fatal(err)
	}
	return role
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Owner.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) actions() string {
	w.t.Helper()
	found, err := db.ReadInTenant(w.owner, w.db.App, policy.MemberRead, `select action from audit_entry where action like 'invitation.%' order by id`, pgx.NamedArgs{}, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(found, " ")
}

// newGroup adds a group and returns its id.
func (w *world) newGroup(name string) uuid.UUID {
	w.t.Helper()
	g, err := w.groups.Add(w.owner, group.Group{Name: name})
	if err != nil {
		w.t.Fatal(err)
	}
	return g.ID
}
