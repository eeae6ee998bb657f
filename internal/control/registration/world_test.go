package registration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/control/registration"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/letter/lettertest"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
	"github.com/cloudkida/cloudkida/internal/platform/workflow/workflowtest"
)

func TestMain(m *testing.M) { workflowtest.Main(m, build) }

const publicURL = "https://labs.example"

// world is what the workflow changes outside of this package. It is rows, so that a process that is killed leaves it as it
// would leave the real one.
type world struct{ pool *pgxpool.Pool }

func (w world) note(ctx context.Context, tenant uuid.UUID, what string) error {
	_, err := w.pool.Exec(ctx, `insert into control.world (tenant, what) values ($1, $2) on conflict do nothing`, tenant, what)
	return err
}

func (w world) erase(ctx context.Context, tenant uuid.UUID, like string) error {
	_, err := w.pool.Exec(ctx, `delete from control.world where tenant = $1 and what like $2`, tenant, like)
	return err
}

type silos struct{ world }

func (s silos) Make(ctx context.Context, tenant uuid.UUID) error { return s.note(ctx, tenant, "silo") }
func (s silos) Drop(ctx context.Context, tenant uuid.UUID) error { return s.erase(ctx, tenant, "silo") }

type people struct{ world }

func (p people) MakePool(ctx context.Context, tenant uuid.UUID, name string) error {
	return p.note(ctx, tenant, "pool "+name)
}

var errDisabled = errs.Conflict("account_disabled", "The account with this e-mail address is disabled.")

func (p people) AddOwner(ctx context.Context, o registration.Owner) (uuid.UUID, bool, error) {
	if o.Email == "disabled@example.org" {
		return uuid.Nil, false, errDisabled
	}
	known := uuid.NewSHA1(uuid.Nil, []byte(o.Email))
	return known, o.Email == "known@example.org", p.note(ctx, o.Tenant, "owner "+o.Email)
}

func (p people) EnterLink(_ context.Context, user uuid.UUID) (string, error) {
	return publicURL + "/pools/default/enter?token=" + user.String(), nil
}

func (p people) RemoveTenant(ctx context.Context, tenant uuid.UUID) error {
	return errors.Join(p.erase(ctx, tenant, "pool %"), p.erase(ctx, tenant, "owner %"))
}

type labs struct{ world }

// Add fails for tenants whose name says so.
func (l labs) Add(ctx context.Context, tenant uuid.UUID) error {
	var broken bool
	err := l.pool.QueryRow(ctx, `select name like 'broken%' from control.tenant where id = $1`, tenant).Scan(&broken)
	if err != nil {
		return err
	}
	if err := l.note(ctx, tenant, "lab"); err != nil {
		return err
	}
	if broken {
		return errors.New("the labs do not come")
	}
	return nil
}

func (l labs) Remove(ctx context.Context, tenant uuid.UUID) error { return l.erase(ctx, tenant, "lab") }

type keys struct{}

func (keys) First(_ context.Context, tenant, owner, id uuid.UUID) (string, error) {
	return "ck_" + tenant.String() + owner.String() + id.String(), nil
}

type tiers struct{}

func (tiers) Placement(_ context.Context, tier string) (registration.Placement, error) {
	switch tier {
	case "basic":
		return registration.Pool, nil
	case "platinum":
		return registration.Silo, nil
	}
	return "", registration.ErrTier
}

// generous limits bother no test that is about something else.
func generous() registration.Limits {
	r := throttle.Rule{Free: 10_000, Forget: time.Hour}
	return registration.Limits{Address: r, Recipient: r, Everybody: r, Silo: r, Look: r}
}

func service(e *workflow.Engine) *registration.Service {
	w, box := world{e.Pool}, &mail.Service{Pool: e.Pool, Jobs: e.Jobs, Log: e.Log}
	s := &registration.Service{
		Pool: e.Pool, Workflows: e, Letters: lettertest.Writer(box, "Acme"), Mail: box, Tiers: tiers{}, Silos: silos{w}, Identity: people{w},
		Labs: labs{w}, Keys: keys{}, PublicURL: publicURL, Throttle: throttle.New(1000, time.Now), Limits: generous(), Log: slog.New(slog.DiscardHandler),
	}
	e.Add(s.Definition())
	return s
}

func build(ctx context.Context, in db.Installation) (*workflow.Engine, error) {
	e, err := workflowtest.NewEngine(ctx, in)
	if err != nil {
		return nil, err
	}
	service(e)
	return e, nil
}

type fixture struct {
	*registration.Service
	t   *testing.T
	db  *dbtest.Database
	api *httptest.Server
}

func newWorld(t *testing.T, d *dbtest.Database) {
	t.Helper()
	_, err := d.Owner.Exec(t.Context(), `create table control.world (tenant uuid, what text, primary key (tenant, what));
		grant select, insert, delete on control.world to cloudkida_control`)
	if err != nil {
		t.Fatal(err)
	}
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	d := dbtest.New(t)
	newWorld(t, d)
	e, err := workflowtest.NewEngine(t.Context(), d.Installation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Pool.Close)
	f := &fixture{Service: service(e), t: t, db: d}
	mux := httpx.NewMux()
	f.Routes(httpx.NewAPI(mux))
	f.api = httptest.NewServer(mux)
	t.Cleanup(f.api.Close)
	return f
}

var _ huma.Resolver = (*httpx.Client)(nil)

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) field(t *testing.T, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	text, _ := m[name].(string)
	return text
}

// call sends a request; header has names and values in turn.
func (f *fixture) call(method, path, body string, header ...string) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.api.URL+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer res.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil {
		f.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, text.String()}
}

func wish(name, email, tier string) string {
	text, err := json.Marshal(registration.Wish{Title: "Title of " + name, Name: name, Email: email, AdminName: "Ada", Tier: tier})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (f *fixture) register(key, body string) answer {
	f.t.Helper()
	return f.call(http.MethodPost, "/v1/registrations", body, "Idempotency-Key", key)
}

// registered makes a registration and returns the token of its mail.
func (f *fixture) registered(name, email, tier string) (id, token string) {
	f.t.Helper()
	a := f.register(uuid.NewString(), wish(name, email, tier))
	if a.status != http.StatusAccepted {
		f.t.Fatalf("register %s: %d %s", name, a.status, a.body)
	}
	return a.field(f.t, "id"), f.token(email)
}

var tokenPattern = regexp.MustCompile(`/register/confirm#token=(\w+)`)

// token is the one in the newest mail to an address.
func (f *fixture) token(email string) string {
	f.t.Helper()
	var text string
	err := f.db.Control.QueryRow(f.t.Context(), `select text from control.mail_message where recipient = $1 and kind = 'registration.confirm' order by id desc limit 1`, email).Scan(&text)
	if err != nil {
		f.t.Fatal(err)
	}
	found := tokenPattern.FindStringSubmatch(text)
	if found == nil {
		f.t.Fatalf("no link in %q", text)
	}
	return found[1]
}

func (f *fixture) confirm(token, name string) answer {
	f.t.Helper()
	body := `{"token":"` + token + `"}`
	if name != "" {
		body = `{"token":"` + token + `","name":"` + name + `"}`
	}
	return f.call(http.MethodPost, "/v1/registrations/confirm", body)
}

// run runs every workflow that is open, to where it goes.
func (f *fixture) run() {
	f.t.Helper()
	rows, err := f.db.Control.Query(f.t.Context(), `select id from control.workflow where ended_at is null`)
	if err != nil {
		f.t.Fatal(err)
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		f.t.Fatal(err)
	}
	for _, id := range open {
		if err := f.Workflows.Run(f.t.Context(), id); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fixture) count(sql string, args ...any) (n int) {
	f.t.Helper()
	return count(f.t, f.db, sql, args...)
}

func count(t *testing.T, d *dbtest.Database, sql string, args ...any) (n int) {
	t.Helper()
	if err := d.Owner.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.db.Owner.Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatal(err)
	}
}
