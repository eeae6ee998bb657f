package server_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// The tenants whose limits are tried, which are low, and the same in each.
const (
	narrow = "narrow"
	beside = "beside"
	loose  = "loose" // in which nothing is used up
)

// What they may.
const (
	narrowRate  = 5 // requests a second
	narrowBurst = 20
	personRate  = 1
	personBurst = 12
)

// withoutRates lets the suite ask as fast as it can: only the tenants above are limited.
func (s *stage) withoutRates(t testing.TB) {
	t.Helper()
	s.exec(t, `update control.tier set version = version + 1, limits = limits - 'rate' - 'userRate' - 'dailyRequests' - 'monthlyRequests' - 'exports'`)
	for _, name := range []string{narrow, beside, loose} {
		s.tenants[name] = s.one(t, `insert into control.tenant (name, title, tier) values ($1, $1, 'premium') returning id::text`, name)
		for limit, most := range map[string]int{"rate": narrowRate, "burst": narrowBurst, "userRate": personRate, "userBurst": personBurst} {
			if name == loose && limit[0] != 'u' {
				continue
			}
			s.exec(t, `insert into control.tenant_limit (tenant_id, name, value) values ($1, $2, $3)`, s.tenants[name], limit, most)
		}
	}
}

// newcomer is somebody whom no limit knows yet.
func (s *stage) newcomer(t *testing.T, of string, role tenancy.Role) persona {
	t.Helper()
	p := persona{name: "newcomer", of: of, role: role}
	p.user = s.one(t, `insert into identity."user" (pool_id, email, email_key, name) select id, $1, $1, 'N' from identity.pool where name = 'default' returning id::text`,
		uuid.NewString()+"@attack.example")
	s.belongs(t, p)
	p.token = s.mint(t, token{of: p})
	return p
}

func (s *stage) belongs(t *testing.T, p persona) {
	t.Helper()
	s.exec(t, `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, $3)`, p.user, s.tenants[p.of], string(p.role))
}

// robot makes a machine client of a tenant with a token of its own.
func (s *stage) robot(t *testing.T, of string, by persona) (p persona) {
	t.Helper()
	var secret string
	err := s.db.QueryRow(t.Context(), `
		insert into identity.machine_client (tenant_id, name, role, secret_hash, created_by, expires_at)
		values ($1, 'robot', 'admin', sha256('x'), $2, now() + interval '1 day') returning id::text, secret_id::text`, s.tenants[of], by.user).Scan(&p.user, &secret)
	if err != nil {
		t.Fatal(err)
	}
	p.of = of
	p.token = s.mint(t, token{of: p, family: "ended", claims: map[string]any{"sub": p.user, "client_id": p.user, "sid": secret}})
	return p
}

// limits tries to get more than a usage plan gives, and to take what is others'.
func (s *stage) limits(t *testing.T) (faults []string) {
	t.Helper()
	faults = append(faults, s.evadesLimits(t)...)
	faults = append(faults, s.limitsOthers(t)...)
	return append(faults, s.quotas(t)...)
}

// read asks for something small, with whatever headers somebody might hope to be taken for another by.
func (s *stage) read(t *testing.T, token string, n int) answer {
	t.Helper()
	return s.send(t, token, http.MethodGet, "/v1/labs?limit=1", nil, func(r *http.Request) {
		r.Header.Set("X-Forwarded-For", "192.0.2."+strconv.Itoa(n%250))
		r.Header.Set("X-Tenant-Id", uuid.NewString())
		r.Header.Set("X-Real-Ip", "192.0.2.1")
		r.Header.Set("User-Agent", strconv.Itoa(n))
	})
}

// evadesLimits asks as one person with several tokens, of two tenants, and ever other headers. In each of the tenants the person has
// that one's rate, whatever they do in the other.
func (s *stage) evadesLimits(t *testing.T) (faults []string) {
	t.Helper()
	p := s.newcomer(t, loose, tenancy.RoleLearner)
	other := p
	other.of = beside
	s.belongs(t, other)
	tokens := []string{p.token, s.mint(t, token{of: p}), s.mint(t, token{of: other})}
	begun, passed, elsewhere := time.Now(), 0, 0
	var last answer
	for n := range 16 * len(tokens) {
		switch last = s.read(t, tokens[n%len(tokens)], n); last.status {
		case http.StatusOK:
			if n%len(tokens) == 2 {
				elsewhere++
			} else {
				passed++
			}
		case http.StatusTooManyRequests:
		default:
			faults = append(faults, fmt.Sprintf("a request within limits or over them: %s %s", last, last.text))
		}
	}
	if most := personBurst + int(math.Ceil(time.Since(begun).Seconds()*personRate)); max(passed, elsewhere) > most {
		faults = append(faults, fmt.Sprintf("one person with %d tokens made %d requests, and %d in another tenant; at most %d are allowed", len(tokens), passed, elsewhere, most))
	}
	return faults
}

// limitHit is what a refusal says of the limit.
func limitHit(a answer) (name string, reset int64) {
	var problem struct {
		Limit struct {
			Name  string
			Reset int64
		}
	}
	_ = json.Unmarshal([]byte(a.text), &problem) // "" says enough
	return problem.Limit.Name, problem.Limit.Reset
}

// limitsOthers uses up all that the people of one tenant may and looks whether those of another one feel it, or its own programs.
func (s *stage) limitsOthers(t *testing.T) (faults []string) {
	t.Helper()
	hit := false
	for n := 0; n < 20*narrowBurst && !hit; {
		p := s.newcomer(t, narrow, tenancy.RoleOwner)
		for range personBurst {
			n++
			got := s.read(t, p.token, n)
			name, reset := limitHit(got)
			if hit = name == "organisation"; hit && (got.code != "rate_limited" || reset < 1 || got.header.Get("Retry-After") == "" || got.header.Get("RateLimit") == "") {
				faults = append(faults, fmt.Sprintf("a refusal says too little: %s %s %v", got, got.text, got.header))
			}
			if hit {
				break
			}
		}
	}
	if !hit {
		return append(faults, "the people of one tenant are never refused, however many ask")
	}
	for who, p := range map[string]persona{
		"somebody of another tenant": s.newcomer(t, beside, tenancy.RoleLearner), "a program of the same": s.robot(t, narrow, s.newcomer(t, narrow, tenancy.RoleOwner)),
	} {
		if got := s.read(t, p.token, 0); got.status != http.StatusOK {
			faults = append(faults, fmt.Sprintf("the people of one tenant have used up what %s may: %s %s", who, got, got.text))
		}
	}
	if got := s.read(t, s.who("operator").token, 0); got.status != http.StatusOK {
		faults = append(faults, fmt.Sprintf("an operator is kept out: %s %s", got, got.text))
	}
	return faults
}

// quotas looks whether every request of a program counts, and stops where it should.
func (s *stage) quotas(t *testing.T) (faults []string) {
	t.Helper()
	owner := s.newcomer(t, beside, tenancy.RoleOwner)
	machine := s.robot(t, beside, owner)
	if got := s.send(t, owner.token, http.MethodPut, "/v1/tenant/usage/programs/"+machine.user, []byte(`{"dailyRequests":2}`)); got.status != http.StatusNoContent {
		return []string{fmt.Sprintf("limits of a machine client are not set: %s %s", got, got.text)}
	}
	for n, want := range []int{http.StatusOK, http.StatusOK, http.StatusTooManyRequests} {
		got := s.read(t, machine.token, n)
		name, reset := limitHit(got)
		if got.status != want || want != http.StatusOK && (got.code != "daily_quota" || name != "key-day" || reset < 1 || reset > 24*60*60) {
			faults = append(faults, fmt.Sprintf("the %d. of 2 requests a day: %s %s", n+1, got, got.text))
		}
	}
	var use struct {
		Programs []struct {
			ID    string
			Today int64
		}
	}
	got := s.send(t, owner.token, http.MethodGet, "/v1/tenant/usage", nil)
	if err := json.Unmarshal([]byte(got.text), &use); err != nil {
		t.Fatal(err)
	}
	for _, p := range use.Programs {
		if p.ID == machine.user && p.Today != 2 {
			faults = append(faults, fmt.Sprintf("a program that made 2 requests has %d", p.Today))
		}
	}
	return faults
}
