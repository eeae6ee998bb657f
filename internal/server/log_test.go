package server_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// logged is everything that was logged by all programs of the run, as it was before anything was left out of it.
var logged = &output{} //nolint:gochecknoglobals // slog's default logger is one

// known are the secrets that the run has made or been given.
var known = &secrets{all: map[string]string{}} //nolint:gochecknoglobals // of the whole run, as logged is

type secrets struct {
	mu  sync.Mutex
	all map[string]string // what each is
}

// shortest is the least that is looked for: shorter ones are found in anything.
const shortest = 12

func (s *secrets) add(what, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(secret) >= shortest {
		s.all[secret] = what
	}
}

// secretField is how fields of answers are called that hold one.
var secretField = regexp.MustCompile(`(?i)^(.*(token|secret|password|ticket)|link|code|key)$`)

// learn takes what is secret out of an answer of the API.
func (s *secrets) learn(where string, answer []byte) {
	var body any
	if json.Unmarshal(answer, &body) == nil {
		s.walk(where, body)
	}
}

func (s *secrets) walk(where string, value any) {
	switch v := value.(type) {
	case map[string]any:
		if _, problem := v["requestId"]; problem {
			return // its code is no secret
		}
		for name, inner := range v {
			public := name == "key" && strings.Contains(where, "/keys/rotate") // the id of a signing key, which everybody may see
			if text, ok := inner.(string); ok && !public && secretField.MatchString(name) {
				s.add(name+" of "+where, text)
			}
			s.walk(where, inner)
		}
	case []any:
		for _, inner := range v {
			s.walk(where, inner)
		}
	}
}

// found are the secrets that were logged.
func (s *secrets) found(log string) (faults []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret, what := range s.all {
		if at := strings.Index(log, secret); at >= 0 {
			line := log[strings.LastIndexByte(log[:at], '\n')+1:]
			line, _, _ = strings.Cut(line, "\n")
			faults = append(faults, fmt.Sprintf("%s is in the log: %s", what, line))
		}
	}
	return faults
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	code := m.Run()
	for _, fault := range known.found(logged.String()) {
		fmt.Fprintln(os.Stderr, fault)
		code = 1
	}
	os.Exit(code)
}

func TestASecretInTheLogIsFound(t *testing.T) {
	t.Parallel()
	s := &secrets{all: map[string]string{}}
	s.learn("POST /v1/machine-clients", []byte(`{"items":[{"id":"1","clientSecret":"abcdefghijklmnop"}]}`))
	s.learn("GET /v1/labs", []byte(`{"code":"lab_not_found_at_all","requestId":"x"}`))
	if found := s.found("level=INFO msg=x a=b\nlevel=INFO msg=y error=\"sent abcdefghijklmnop\"\n"); len(found) != 1 || !strings.HasPrefix(found[0], "clientSecret of POST") {
		t.Errorf("%v", found)
	}
	if found := s.found("code=lab_not_found_at_all"); len(found) != 0 {
		t.Errorf("%v", found)
	}
}
