package audit_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const treasure = "hunter2-hunter2"

// leaky is a thing with secrets under the names that they have in this program and elsewhere.
type leaky struct {
	Name          string            `json:"name"`
	ClientSecret  string            `json:"clientSecret"`
	Password      string            `json:"password"`
	APIKey        string            `json:"apiKey"`
	Tokens        []string          `json:"refresh_tokens"`
	Sealed        secret.Text       `json:"harmlessName"`
	Headers       map[string]string `json:"headers"`
	Deep          []map[string]any  `json:"deep"`
	SecretExpires string            `json:"secretExpiresAt"`
	TokenID       string            `json:"tokenId"`
	MinLength     int               `json:"passwordMinLength"`
	HasSecret     bool              `json:"secret"`
}

func thing(name, hidden string) leaky {
	return leaky{
		Name: name, ClientSecret: hidden, Password: hidden, APIKey: hidden, Tokens: []string{hidden}, Sealed: secret.NewText(hidden),
		Headers:       map[string]string{"Authorization": "Bearer " + hidden, "Set-Cookie": hidden},
		Deep:          []map[string]any{{"totp_seed": hidden, "recoveryCodes": []string{hidden}, "key": hidden, "private_key": map[string]any{"d": hidden}}},
		SecretExpires: "2030", TokenID: "7", MinLength: 12, HasSecret: true,
	}
}

// row is what was written for a target.
type row struct {
	Actor                *uuid.UUID
	Kind                 string
	Detail               string
	Before, After        *string
	Request, Address, At string
}

func written(t *testing.T, d *dbtest.Database, target string) row {
	t.Helper()
	rows, err := d.Owner.Query(t.Context(), `select actor, kind, detail::text, before::text, after::text, request, address, at::text from audit_entry where target = $1`, target)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[row])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSecretsAreNotWritten(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ctx := d.Tenant(t, "alpha", tenancy.RoleOwner)
	err := d.App.InTenant(ctx, "any", func(tx pgx.Tx) error {
		return audit.Add(ctx, tx, audit.Entry{
			Action: "tested", Target: "x", Before: thing("old", treasure), After: thing("new", treasure+"-2"),
			Detail: map[string]any{"thing": thing("inner", treasure), "token": treasure, "password": treasure},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	got := written(t, d, "x")
	all := got.Detail + *got.Before + *got.After
	if strings.Contains(all, "hunter2") {
		t.Errorf("a secret was written: %s", all)
	}
	for _, want := range []string{`"name": "old"`, `"clientSecret": "[redacted]"`, `"password": "[redacted]"`} {
		if !strings.Contains(*got.Before, want) {
			t.Errorf("before has no %s: %s", want, *got.Before)
		}
	}
	for _, want := range []string{`"secretExpiresAt": "2030"`, `"tokenId": "7"`, `"passwordMinLength": 12`, `"secret": true`} {
		if !strings.Contains(got.Detail, want) {
			t.Errorf("the detail has no %s: %s", want, got.Detail)
		}
	}
}

func TestASecretTextIsShownNowhere(t *testing.T) {
	t.Parallel()
	s := secret.NewText(treasure)
	encoded, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": []any{s}, "d": map[string]any{"e": s}})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "p", &s)
	for _, text := range []string{string(encoded), log.String(), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), fmt.Sprint(&s), fmt.Sprintf("%#v", struct{ S secret.Text }{s})} {
		if strings.Contains(text, "hunter2") {
			t.Error(text)
		}
	}
	if s.Reveal() != treasure {
		t.Error("it is lost")
	}
}

func TestOnlyWhatChangedIsKept(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ctx := d.Tenant(t, "alpha", tenancy.RoleOwner)
	scope, _ := tenancy.From(ctx)
	scope.Request, scope.Address = "r1", "192.0.2.7"
	ctx = tenancy.With(ctx, scope)
	type doc map[string]any
	for target, c := range map[string]struct{ before, after, was, is any }{
		"changed":  {doc{"a": 1, "b": doc{"c": []int{1}}, "same": "x"}, doc{"a": 2, "b": doc{"c": []int{2}}, "same": "x"}, `{"a": 1, "b": {"c": [1]}}`, `{"a": 2, "b": {"c": [2]}}`},
		"made":     {nil, doc{"a": 1}, nil, `{"a": 1}`},
		"removed":  {doc{"a": 1}, nil, `{"a": 1}`, nil},
		"gained":   {doc{"a": 1}, doc{"a": 1, "b": 2}, `{}`, `{"b": 2}`},
		"nothing":  {doc{"a": 1}, doc{"a": 1}, `{}`, `{}`},
		"big":      {doc{"n": json.Number("12345678901234567890")}, doc{"n": json.Number("12345678901234567891")}, `{"n": 12345678901234567890}`, `{"n": 12345678901234567891}`},
		"bad text": {doc{"a": "x\x00\xff"}, nil, `{"a": "x` + "\uFFFD\uFFFD" + `"}`, nil},
	} {
		err := d.App.InTenant(ctx, "any", func(tx pgx.Tx) error { return audit.Changed(ctx, tx, "tested", target, c.before, c.after) })
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		got := written(t, d, target)
		if fmt.Sprint(value(got.Before)) != fmt.Sprint(c.was) || fmt.Sprint(value(got.After)) != fmt.Sprint(c.is) {
			t.Errorf("%s: %v, %v; want %v, %v", target, value(got.Before), value(got.After), c.was, c.is)
		}
		if got.Kind != "person" || *got.Actor != scope.User || got.Request != "r1" || got.Address != "192.0.2.7" || got.Detail != "{}" {
			t.Errorf("%s: %+v", target, got)
		}
	}
}

// What an entry keeps is bounded, but a policy of the greatest length is there whole: a deleted one is nowhere else.
func TestWhatIsKeptIsBounded(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ctx := d.Tenant(t, "alpha", tenancy.RoleOwner)
	roles := map[string]string{}
	for n := range 150 {
		roles[fmt.Sprintf("group %03d", n)] = "learner"
	}
	whole := strings.Repeat("p", 8<<10)
	err := d.App.InTenant(ctx, "any", func(tx pgx.Tx) error {
		return audit.Changed(ctx, tx, "tested", "x", map[string]any{"roles": roles, "text": whole, "long": whole + "q"}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	var before struct {
		Roles      map[string]string
		Text, Long string
	}
	if err := json.Unmarshal([]byte(*written(t, d, "x").Before), &before); err != nil {
		t.Fatal(err)
	}
	if len(before.Roles) != 101 || before.Roles["..."] != "and 50 more" || before.Roles["group 099"] == "" || before.Text != whole || before.Long != whole+"..." {
		t.Errorf("%d roles, %q, %d and %d letters", len(before.Roles), before.Roles["..."], len(before.Text), len(before.Long))
	}
}

func value(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// What is entered on the way keeps the request and the address that it began with.
func TestTheOriginStaysWhenTheProgramActs(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	scope, _ := tenancy.From(d.Tenant(t, "alpha", tenancy.RoleOwner))
	ctx := tenancy.System(tenancy.WithOrigin(t.Context(), tenancy.Origin{Request: "r2", Address: "192.0.2.8"}), scope.Tenant)
	err := d.App.InTenant(ctx, "any", func(tx pgx.Tx) error { return audit.Record(ctx, tx, "tested", "x", nil) })
	if err != nil {
		t.Fatal(err)
	}
	if got := written(t, d, "x"); got.Kind != "program" || got.Actor != nil || got.Request != "r2" || got.Address != "192.0.2.8" {
		t.Errorf("%+v", got)
	}
}
