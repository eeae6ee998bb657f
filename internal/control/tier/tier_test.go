package tier_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestTheTiersToBeginWith(t *testing.T) {
	t.Parallel()
	s := tier.New(dbtest.New(t).Control)
	all, err := s.List(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range all {
		names = append(names, x.Name+" "+x.Placement)
	}
	if got := strings.Join(names, ", "); got != "default pool, basic pool, standard pool, premium pool, platinum silo" {
		t.Errorf("tiers %s", got)
	}
	if public, err := s.List(t.Context(), true); err != nil || len(public) != 4 {
		t.Errorf("%d are offered, %v", len(public), err)
	}
}

func TestPlansAreTheTiersWithOnesOwnLimits(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := tier.New(d.Control)
	scope, _ := tenancy.From(d.Tenant(t, "acme", tenancy.RoleOwner))
	plan, err := s.Of(t.Context(), scope.Tenant)
	if err != nil || plan.Tier != "basic" || plan.Allows(tier.EmailDomains) {
		t.Fatalf("%+v, %v", plan, err)
	}
	if err := errors.Join(plan.Room(tier.Sessions, 9), plan.Room(tier.Limit("unbounded"), 1<<60)); err != nil {
		t.Errorf("room for the tenth: %v", err)
	}
	if err := plan.Room(tier.Sessions, 10); !errors.Is(err, tier.ErrLimit) || !strings.Contains(err.Error(), "10 labs running at once") {
		t.Errorf("room for the eleventh: %v", err)
	}
	eleven := int64(11)
	if err := s.SetLimit(t.Context(), scope.Tenant, tier.Sessions, &eleven, "A class."); err != nil {
		t.Fatal(err)
	}
	if plan, err = s.Of(t.Context(), scope.Tenant); err != nil || plan.Room(tier.Sessions, 10) != nil {
		t.Errorf("with a limit of its own: %v, %v", plan.Room(tier.Sessions, 10), err)
	}
	if err := s.SetLimit(t.Context(), scope.Tenant, tier.Sessions, nil, ""); err != nil {
		t.Fatal(err)
	}
	if plan, err = s.Of(t.Context(), scope.Tenant); err != nil || plan.Room(tier.Sessions, 10) == nil {
		t.Errorf("without it again: %v", err)
	}
	if err := s.SetLimit(t.Context(), scope.Tenant, "wings", &eleven, ""); !errors.Is(err, tier.ErrName) {
		t.Errorf("an unknown limit: %v", err)
	}
	if err := s.SetLimit(t.Context(), uuid.New(), tier.Sessions, &eleven, ""); err == nil {
		t.Error("a limit of no tenant")
	}
}

func TestOperatorsEditTiersWithoutLosingChanges(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := tier.New(d.Control)
	scope, _ := tenancy.From(d.Tenant(t, "acme", tenancy.RoleOwner))
	if _, err := s.Of(t.Context(), scope.Tenant); err != nil { // which is remembered
		t.Fatal(err)
	}
	basic, err := s.Get(t.Context(), "basic")
	if err != nil {
		t.Fatal(err)
	}
	changed := basic
	changed.Limits = map[tier.Limit]int64{tier.Sessions: 1}
	if _, err := s.Change(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if plan, err := s.Of(t.Context(), scope.Tenant); err != nil || plan.Room(tier.Sessions, 1) == nil {
		t.Errorf("the change is not felt: %v", err)
	}
	if _, err := s.Change(t.Context(), changed); !errors.Is(err, tier.ErrChanged) {
		t.Errorf("a change of an older version: %v", err)
	}
	bad := tier.Tier{Name: "bad", Placement: "pool", Currency: "USD", Limits: map[tier.Limit]int64{"wings": 2, tier.Members: -1}, Features: []tier.Feature{"magic"}}
	if _, err := s.Add(t.Context(), bad); !errors.Is(err, tier.ErrTier) {
		t.Errorf("a bad tier: %v", err)
	}
	good := tier.Tier{Name: "school", Title: "School", Placement: "pool", Currency: "INR", Price: 100}
	if _, err := s.Add(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(t.Context(), good); !errors.Is(err, tier.ErrTaken) {
		t.Errorf("twice: %v", err)
	}
	if err := errors.Join(s.Remove(t.Context(), "school")); err != nil {
		t.Error(err)
	}
	if err := s.Remove(t.Context(), "basic"); !errors.Is(err, tier.ErrUsed) {
		t.Errorf("removed while in use: %v", err)
	}
	if err := s.Remove(t.Context(), "school"); !errors.Is(err, tier.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestOperatorsSeeALimitOfOnesOwnAndTheirLogKeepsIt(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := tier.New(d.Control)
	scope, _ := tenancy.From(d.Tenant(t, "acme", tenancy.RoleOwner))
	operator := d.Default(t, tenancy.RoleOwner)
	sixty := int64(60)
	if err := s.SetLimit(operator, scope.Tenant, tier.Members, &sixty, " They wait for an invoice. "); err != nil {
		t.Fatal(err)
	}
	own, err := s.OwnLimits(operator, scope.Tenant)
	if err != nil || len(own) != 1 || own[0].Name != tier.Members || own[0].Value != 60 || own[0].Reason != "They wait for an invoice." || own[0].SetAt.IsZero() {
		t.Errorf("%+v, %v", own, err)
	}
	for range 2 { // taken back twice: the second time nothing happens
		if err := s.SetLimit(operator, scope.Tenant, tier.Members, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	if own, err := s.OwnLimits(operator, scope.Tenant); err != nil || len(own) != 0 {
		t.Errorf("taken back: %+v, %v", own, err)
	}
	var log string
	err = d.Owner.QueryRow(t.Context(), `
		select string_agg(reason || ' ' || (detail->>'limit') || ' ' || coalesce(detail->>'value', 'none'), ', ' order by id)
		from control.audit_entry where action = 'tenant.limit' and tenant_id = $1 and actor is not null`, scope.Tenant).Scan(&log)
	if err != nil || log != "They wait for an invoice. members 60,  members none" {
		t.Errorf("the operators' log: %q, %v", log, err)
	}
	if err := s.SetLimit(operator, uuid.New(), tier.Members, &sixty, "nobody"); !errors.Is(err, tier.ErrTenant) {
		t.Errorf("of no organisation: %v", err)
	}
}
