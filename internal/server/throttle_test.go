package server_test

import (
	"net/http"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/valkey/redistest"
	"github.com/cloudkida/cloudkida/internal/server"
)

// Two programs share a Redis. Whoever sends letters of a test by them in turns waits as if there were one.
func TestLettersAreCountedOnceAmongAllPrograms(t *testing.T) {
	t.Parallel()
	url := redistest.Start(t).URL
	shared := func(cfg *server.Config) { cfg.RedisURL = url }
	s := ownerStageOf(t, shared)
	admin, err := server.DatabaseURL(s.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, admin, `update control.tier set features = features || '{mail-templates}'::text[]`)
	cfg := neighbour(t, s.dir, admin, s.url)
	shared(&cfg)
	programs := []string{s.url, start(t, cfg).url}
	try := func(at string) int {
		res := s.people["owner"].send(http.MethodPost, at+"/v1/mail/templates/invitation/en/test", `{"subject":"Come","text":"Here: {{.link}}","html":""}`)
		defer res.Body.Close()
		return res.StatusCode
	}
	const free = 6 // five that cost nothing, and one that begins the wait
	for n := range free {
		if got := try(programs[n%2]); got != http.StatusOK {
			t.Fatalf("letter %d: %d", n+1, got)
		}
	}
	for i, at := range programs {
		if got := try(at); got != http.StatusTooManyRequests {
			t.Errorf("program %d after %d letters: %d", i+1, free, got)
		}
	}
}
