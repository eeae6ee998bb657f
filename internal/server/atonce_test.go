package server_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/valkey/redistest"
	"github.com/cloudkida/cloudkida/internal/server"
)

// twoPrograms share a database and a Redis. Nothing works in the background: what is asked for stays as it is.
func twoPrograms(t *testing.T) (s *ownerStage, admin string, addresses []string) {
	t.Helper()
	url := redistest.Start(t).URL
	shared := func(cfg *server.Config) { cfg.RedisURL, cfg.Roles = url, []string{server.RoleAPI} }
	s = ownerStageOf(t, shared)
	admin, err := server.DatabaseURL(s.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, admin, `update control.tier set limits = limits - 'rate' - 'userRate'`)
	cfg := neighbour(t, s.dir, admin, s.url)
	shared(&cfg)
	return s, admin, []string{s.url, start(t, cfg).url}
}

// An organisation asks two programs for archives at the same moment, many times: it gets one.
func TestExportsAtOnceAreCountedAmongAllPrograms(t *testing.T) {
	t.Parallel()
	s, admin, addresses := twoPrograms(t)
	const tries = 12
	var all sync.WaitGroup
	answers := make(chan int, tries)
	for n := range tries {
		all.Go(func() {
			res := s.people["owner"].send(http.MethodPost, addresses[n%2]+"/v1/tenant/exports", "")
			_ = res.Body.Close()
			answers <- res.StatusCode
		})
	}
	all.Wait()
	close(answers)
	counts := map[int]int{}
	for status := range answers {
		counts[status]++
	}
	if counts[http.StatusAccepted]+counts[http.StatusCreated] != 1 || counts[http.StatusConflict] != tries-1 {
		t.Errorf("%v, want one that is made and conflicts", counts)
	}
	if made := text(t, admin, `select count(*)::text from control.tenant_export`); made != "1" {
		t.Errorf("%s are being made", made)
	}
}

// An organisation has as many streams as its plan says, wherever each of them is open; what ends in one program is free in the
// other.
func TestStreamsAtOnceAreCountedAmongAllPrograms(t *testing.T) {
	t.Parallel()
	s, admin, addresses := twoPrograms(t)
	exec(t, admin, `insert into control.tenant_limit (tenant_id, name, value) select id, 'streams', 2 from control.tenant where name = 'acme'`)
	exec(t, admin, `insert into control.workflow (kind, tenant_id, input, state, not_before) select 'tenant.export', id, '{}', 'waiting', now() + interval '1 day' from control.tenant where name = 'acme'`)
	id := text(t, admin, `select id::text from control.workflow limit 1`)
	open := func(at string) (status int, end func()) {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/v1/tenant/workflows/"+id+"/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.people["owner"].token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, func() { cancel(); _ = res.Body.Close() }
	}
	one, end := open(addresses[0])
	two, _ := open(addresses[1])
	if one != http.StatusOK || two != http.StatusOK {
		t.Fatalf("one in each: %d and %d", one, two)
	}
	for _, at := range addresses {
		if status, _ := open(at); status != http.StatusTooManyRequests {
			t.Errorf("a third one at %s: %d", at, status)
		}
	}
	end()
	for deadline := time.Now().Add(patience); ; { // the program hears of the end by and by
		if status, _ := open(addresses[1]); status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("what ended in one program is not free in the other")
		}
	}
}

// text is what the database's owner reads.
func text(t *testing.T, admin, sql string) (found string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}
