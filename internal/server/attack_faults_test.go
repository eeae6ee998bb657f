//go:build plantedfaults

package server_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"slices"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/fault"
)

// declaredFaults reads the names from the source, so that none is forgotten here.
func declaredFaults(t *testing.T) (names []fault.Name) {
	t.Helper()
	file, err := parser.ParseFile(gotoken.NewFileSet(), "../platform/fault/fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			lit, _ := v.Values[0].(*ast.BasicLit)
			names = append(names, fault.Name(strings.Trim(lit.Value, `"`)))
		}
		return true
	})
	return names
}

// Each mistake is switched on and must be found by the part of the suite that is there for it.
func TestPlantedFaultsAreFound(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	attacks := s.attacks(t)
	declared := declaredFaults(t)
	if len(declared) < 20 {
		t.Fatalf("only %d mistakes are declared", len(declared))
	}
	// The stage's ticket expires meanwhile; it is used at last.
	fault.Plant(fault.TicketForever)
	declared = append(slices.DeleteFunc(declared, func(n fault.Name) bool { return n == fault.TicketForever }), fault.TicketForever)
	for _, name := range declared {
		attack, ok := attacks[name]
		if !ok {
			t.Errorf("nothing looks for this: %s", name)
			continue
		}
		s.planted(t, string(name), func() { fault.Plant(name) }, func() { fault.Mend(name) }, attack)
	}
}

// attacks are the part of the suite that must find each mistake.
func (s *stage) attacks(t *testing.T) map[fault.Name]func() []string {
	t.Helper()
	some := below("/v1/labs", "/v1/members", "/v1/tenant/plan", "/v1/operator/tenants")
	allow := func(names ...string) func() []string {
		return func() []string { return s.permissions(t, part{op: some, persona: names}) }
	}
	cross := func(prefix string) func() []string {
		return func() []string {
			return s.crossing(t, tenantA, tenantB, part{op: reading(prefix), persona: []string{"a owner", "a learner"}})
		}
	}
	live := func() []string { return s.terminals(t) }
	origins := func() []string { return s.labOrigins(t) }
	return map[fault.Name]func() []string{
		fault.NoPermission:       allow("a learner", "a author"),
		fault.TenantFromHeader:   cross("/v1/labs"),
		fault.OwnerIsOperator:    allow("a owner"),
		fault.MemberOfAnyTenant:  allow("both in b", "both in a"),
		fault.SuspendedTenant:    allow("suspended"),
		fault.AnySignature:       allow("forged"),
		fault.AnyAudience:        allow("other audience"),
		fault.AnyExpiry:          allow("expired"),
		fault.AnyType:            allow("id token"),
		fault.AnyIssuer:          allow("other pool"),
		fault.EndedSignIn:        allow("ended", "without a sign-in"),
		fault.KeyAfterRevocation: allow("revoked key"),
		fault.KeyOfAnyScope:      allow("reader key"),
		fault.KeyOfAnyTenant:     cross("/v1/api-keys"),
		fault.UserinfoOfAnyPool:  func() []string { return s.poolPages(t, []string{"GET /pools/{pool}/userinfo"}) },
		fault.AnyOrigin:          live,
		fault.TicketAgain:        live,
		fault.TicketForAny:       live,
		fault.TicketForever:      func() []string { return s.expired(t) },
		fault.VisitForever:       origins,
		fault.VisitAnywhere:      origins,
		fault.PlaceOfAnother:     func() []string { return s.permissions(t, part{op: some, persona: []string{"a learner", "b learner"}}) },
		fault.ExportOfAnyTenant:  cross("/v1/tenant/exports"),
		fault.LabOfAnyTenant: func() []string {
			return slices.Concat(cross("/v1/sessions/{id}/guide")(), s.crossing(t, tenantB, tenantA, part{op: below("/v1/sessions/{id}/guide")}))
		},
		fault.SessionOfAnybody:     func() []string { return s.peers(t, part{op: reading("/v1/sessions/{id}")}) },
		fault.EventsOfAnybody:      cross("/v1/sessions/{id}/events"),
		fault.LimitWithoutTenant:   func() []string { return s.limitsOthers(t) },
		fault.LimitByToken:         func() []string { return s.evadesLimits(t) },
		fault.QuotaNotCounted:      func() []string { return s.quotas(t) },
		fault.AllowAnything:        func() []string { return s.policies(t) },
		fault.PolicyOfAnyTenant:    func() []string { return s.policies(t) },
		fault.ExportTellsExistence: cross("/v1/tenant/exports"),
		fault.KeyRevokedAnywhere:   func() []string { return s.changing("/v1/api-keys/{id}")(t) },
		fault.MemberOfAnotherOne:   func() []string { return s.changing("/v1/members/{user}")(t) },
		fault.PersonOfAnyTenant:    func() []string { return s.changing("/v1/operator/users/{id}/disable")(t) },
		fault.FactorOfAnybody:      func() []string { return s.changing("/v1/me/factors/{id}")(t) },
		fault.GroupTakesAnybody:    func() []string { return s.mixed(t, part{op: below("/v1/groups/{id}/members")}) },
		fault.JobOfItsArguments:    func() []string { return s.jobs(t) },
		fault.AnybodyIsKnown:       func() []string { return s.named(t) },
		fault.RenameOfAll:          func() []string { return s.neighbours(t, part{op: below("/v1/api-keys")}) },
		fault.RemovalOfAll:         func() []string { return s.neighbours(t, part{op: below("/v1/groups")}) },
	}
}
