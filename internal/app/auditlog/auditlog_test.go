package auditlog_test

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/auditlog"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/audit/trail"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// desk is a service with its API, a tenant's owner and a sealer.
type desk struct {
	t      *testing.T
	d      *dbtest.Database
	owner  context.Context //nolint:containedctx // who asks
	svc    *auditlog.Service
	sealer *chain.Sealer
	keys   chain.Keys
	api    http.Handler
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := dbtest.New(t)
	d.App.Authorize = policy.Authorize
	places, err := db.NewPlaces(d.Control)
	if err != nil {
		t.Fatal(err)
	}
	key, err := secret.Load("", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("a", 32))))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := proof.New(key)
	if err != nil {
		t.Fatal(err)
	}
	keeper := &db.Keeper{Pool: d.Worker, Places: places}
	keys := chain.Keys{signer.Public()}
	k := &desk{
		t: t, d: d, owner: d.Tenant(t, "alpha", tenancy.RoleOwner), keys: keys,
		sealer: &chain.Sealer{Keeper: keeper, Pool: d.Worker, Signer: signer, Log: slog.New(slog.DiscardHandler)},
		svc: &auditlog.Service{
			DB: d.App, Names: func(context.Context, []uuid.UUID) (map[uuid.UUID]string, error) { return map[uuid.UUID]string{}, nil },
			Inside:  func(context.Context, uuid.UUID) error { return nil },
			Exports: trail.NewExporter(&chain.Verifier{Keeper: keeper, Keys: keys}),
		},
	}
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	api.UseMiddleware(func(hctx huma.Context, next func(huma.Context)) {
		scope, _ := tenancy.From(k.owner)
		next(huma.WithContext(hctx, tenancy.With(hctx.Context(), scope)))
	})
	k.svc.Register(api)
	k.api = mux
	return k
}

// record adds an entry as somebody, from somewhere.
func (k *desk) record(e audit.Entry, request, address string) {
	k.t.Helper()
	scope, _ := tenancy.From(k.owner)
	scope.Request, scope.Address = request, address
	ctx := tenancy.With(k.t.Context(), scope)
	if err := k.d.App.InTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error { return audit.Add(ctx, tx, e) }); err != nil {
		k.t.Fatal(err)
	}
}

func (k *desk) get(path string, query url.Values) (int, string) {
	k.t.Helper()
	server := httptest.NewServer(k.api)
	defer server.Close()
	req, err := http.NewRequestWithContext(k.t.Context(), http.MethodGet, server.URL+path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		k.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// targets pages through what a filter finds.
func (k *desk) targets(f trail.Filter, limit int) (list []string) {
	k.t.Helper()
	var before uuid.NullUUID
	for {
		page, err := k.svc.List(k.owner, policy.TenantRead, f, before, limit)
		if err != nil {
			k.t.Fatal(err)
		}
		for _, e := range page.Items {
			list = append(list, e.Target)
		}
		if page.Next == "" {
			return list
		}
		before = uuid.NullUUID{UUID: uuid.MustParse(page.Next), Valid: true}
	}
}

func TestEntriesAreFoundByEverythingTheyHave(t *testing.T) {
	t.Parallel()
	k := newDesk(t)
	scope, _ := tenancy.From(k.owner)
	k.record(audit.Entry{Action: "lab.published", Target: "dns", Detail: map[string]any{"version": 3}}, "r1", "192.0.2.1")
	k.record(audit.Entry{Action: "member.changed", Target: "u1", Before: map[string]any{"role": "Learner"}, After: map[string]any{"role": "Admin"}}, "r2", "192.0.2.2")
	k.record(audit.Entry{Action: "member.removed", Target: "u2"}, "r3", "192.0.2.1")
	k.record(audit.Entry{Action: "memberx%", Target: "odd"}, "r4", "")
	if _, err := k.d.Owner.Exec(t.Context(), `insert into audit_entry (tenant_id, id, at, action, target) values ($1, '01800000-0000-7000-8000-000000000001', '2022-04-05T00:00:00Z', 'old.thing', 'old')`, scope.Tenant); err != nil {
		t.Fatal(err)
	}
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for name, c := range map[string]struct {
		f    trail.Filter
		want string
	}{
		"all":           {trail.Filter{}, "odd u2 u1 dns old"},
		"start":         {trail.Filter{Action: "member."}, "u2 u1"},
		"a wildcard":    {trail.Filter{Action: "memberx%"}, "odd"},
		"no wildcard":   {trail.Filter{Action: "m%"}, ""},
		"actor":         {trail.Filter{Actor: uuid.NullUUID{UUID: scope.User, Valid: true}}, "odd u2 u1 dns"},
		"another actor": {trail.Filter{Actor: uuid.NullUUID{UUID: uuid.New(), Valid: true}}, ""},
		"target":        {trail.Filter{Target: "u1"}, "u1"},
		"address":       {trail.Filter{Address: "192.0.2.1"}, "u2 dns"},
		"request":       {trail.Filter{Request: "r2"}, "u1"},
		"text":          {trail.Filter{Text: "aDMin"}, "u1"},
		"text in both":  {trail.Filter{Text: "version", Address: "192.0.2.1"}, "dns"},
		"since":         {trail.Filter{From: day("2023-01-01")}, "odd u2 u1 dns"},
		"until":         {trail.Filter{To: day("2023-01-01")}, "old"},
		"a day":         {trail.Filter{From: day("2022-04-05"), To: day("2022-04-06")}, "old"},
		"another day":   {trail.Filter{From: day("2022-04-06"), To: day("2022-04-07")}, ""},
		"together":      {trail.Filter{Action: "member.", Address: "192.0.2.2", From: day("2023-01-01"), Text: "role"}, "u1"},
	} {
		for _, limit := range []int{1, 2, 50} {
			if got := strings.Join(k.targets(c.f, limit), " "); got != c.want {
				t.Errorf("%s, %d a page: %q, want %q", name, limit, got, c.want)
			}
		}
	}
}

// A text that is in few entries is found however many others there are: pages go on where they stopped looking.
func TestATextIsFoundBeyondWhatOnePageLooksThrough(t *testing.T) {
	t.Parallel()
	k := newDesk(t)
	scope, _ := tenancy.From(k.owner)
	k.record(audit.Entry{Action: "tested", Target: "needle"}, "", "")
	if _, err := k.d.Owner.Exec(t.Context(), `insert into audit_entry (tenant_id, action, target) select $1, 'tested', n::text from generate_series(1, 12000) n`, scope.Tenant); err != nil {
		t.Fatal(err)
	}
	page, err := k.svc.List(k.owner, policy.TenantRead, trail.Filter{Text: "needle"}, uuid.NullUUID{}, 50)
	if err != nil || len(page.Items) != 0 || page.Next == "" {
		t.Errorf("%d entries, next %q, %v", len(page.Items), page.Next, err)
	}
	if got := k.targets(trail.Filter{Text: "needle"}, 50); !slices.Equal(got, []string{"needle"}) {
		t.Errorf("found %q", got)
	}
}

func TestAnExportProvesItself(t *testing.T) {
	t.Parallel()
	k := newDesk(t)
	for n := range 5 {
		k.record(audit.Entry{Action: "lab.published", Target: strconv.Itoa(n), Detail: map[string]any{"html": "<&>", "n": n}}, "r", "192.0.2.1")
		if _, err := k.sealer.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sealing, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.sealer.Run(sealing) }()
	defer func() { stop(); <-ended }()
	verify := func(text string, partial bool) *chain.FileReport {
		t.Helper()
		r, err := chain.VerifyFile(strings.NewReader(text), chain.FileOptions{Keys: k.keys, Partial: partial})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	code, part := k.get("/v1/tenant/audit/export", url.Values{"format": {"jsonl"}, "target": {"3"}})
	if r := verify(part, true); code != http.StatusOK || !r.Intact() || r.Entries != 1 || r.Seals != 1 {
		t.Errorf("%d: %+v\n%s", code, r, part)
	}
	code, all := k.get("/v1/tenant/audit/export", url.Values{"format": {"jsonl"}})
	if r := verify(all, false); code != http.StatusOK || !r.Intact() || r.Entries != 7 {
		t.Errorf("%d: %+v\n%s", code, r, all)
	}
	if r := verify(strings.Replace(all, "<&>", "<|>", 1), false); r.Intact() {
		t.Error("a change of the file is not found")
	}
	// Each export is in the log, with what was asked for.
	if got := k.targets(trail.Filter{Action: "audit.exported", Text: `"format": "jsonl"`}, 50); len(got) != 2 {
		t.Errorf("%d entries about exports", len(got))
	}
}

func TestASpreadsheetTakesNothingForAFormula(t *testing.T) {
	t.Parallel()
	k := newDesk(t)
	k.record(audit.Entry{Action: "tested", Target: `=HYPERLINK("http://example.com","x")`, Before: map[string]any{"a": "b,\"c\"\n"}}, "", "")
	code, text := k.get("/v1/tenant/audit/export", url.Values{"format": {"csv"}, "action": {"tested"}})
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if code != http.StatusOK || err != nil || len(rows) != 2 {
		t.Fatalf("%d, %v: %s", code, err, text)
	}
	if target := rows[1][4]; !strings.HasPrefix(target, "'=") {
		t.Errorf("target %q", target)
	}
}

func TestACheckTellsWhatItFoundAndLeavesAnEntry(t *testing.T) {
	t.Parallel()
	k := newDesk(t)
	k.record(audit.Entry{Action: "tested", Target: "x"}, "", "")
	before, err := k.svc.Seals(k.owner)
	if err != nil || before.Seq != 0 || before.Waiting != 1 || before.Verified != nil || before.SealedAt != nil {
		t.Errorf("%+v, %v", before, err)
	}
	if _, err := k.sealer.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := k.svc.Verify(k.owner); err != nil || !r.Intact() || r.Entries != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := k.d.Owner.Exec(t.Context(), `update audit_entry set target = 'y' where target = 'x'`); err != nil {
		t.Fatal(err)
	}
	if r, err := k.svc.Verify(k.owner); err != nil || r.Intact() {
		t.Errorf("%+v, %v", r, err)
	}
	after, err := k.svc.Seals(k.owner)
	if err != nil || after.Seq != 1 || after.Verified == nil || after.Verified.Intact || after.Verified.Seq != 1 {
		t.Errorf("%+v, %v", after, err)
	}
}

func TestLearnersDoNotSeeTheLog(t *testing.T) {
	t.Parallel()
	k := newDesk(t)
	scope, _ := tenancy.From(k.owner)
	scope.Role = tenancy.RoleLearner
	learner := tenancy.With(t.Context(), scope)
	if _, err := k.svc.List(learner, policy.TenantRead, trail.Filter{}, uuid.NullUUID{}, 10); err == nil {
		t.Error("a learner reads the log")
	}
	if _, err := k.svc.Verify(learner); err == nil {
		t.Error("a learner checks the log")
	}
	if _, err := k.svc.Seals(learner); err == nil {
		t.Error("a learner sees the seals")
	}
}
