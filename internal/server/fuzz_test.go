package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
)

const (
	looked   = 100 // bodies that were taken until the other organisation's rows are compared, which is dear
	variants = 23  // of a body, which are tried with it
	atOnce   = 6   // are on their way: most of a request is waiting
)

// fuzzed is a program with an organisation whose owner sends bodies and another one that nothing may reach.
type fuzzed struct {
	stage
	promises *promises
	before   map[string]string
	client   *http.Client
	taken    atomic.Int64
	sent     atomic.Int64
}

func setFuzzed(f *testing.F) *fuzzed {
	f.Helper()
	cfg := config(f, dataDir(f))
	cfg.Roles = []string{server.RoleAPI, server.RoleWorker}
	s := &fuzzed{
		stage:  stage{dir: cfg.Data, tenants: map[string]string{}, rows: map[string]ids{}},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}, Timeout: patience},
	}
	f.Cleanup(s.client.CloseIdleConnections)
	s.url = start(f, cfg).url
	s.operations = slices.DeleteFunc(describe(f), func(o operation) bool { return o.Body == nil || o.ID == "erase-me" })
	var err error
	if s.promises, err = promised(); err != nil {
		f.Fatal(err)
	}
	s.connect(f)
	s.exec(f, `alter system set fsync = off`)
	s.exec(f, `select pg_reload_conf()`)
	s.withoutRates(f)
	for _, name := range []string{tenantA, tenantB} {
		s.tenants[name] = s.one(f, `insert into control.tenant (name, title, tier) values ($1, $1, 'premium') returning id::text`, name)
		for _, role := range []tenancy.Role{tenancy.RoleOwner, tenancy.RoleInstructor, tenancy.RoleLearner} {
			s.join(f, persona{name: name[:1] + " " + string(role), of: name, role: role})
		}
		s.plant(f, name, s.who(name[:1]+" learner").user)
	}
	s.join(f, persona{name: "operator", of: tenantA, role: tenancy.RoleLearner, operator: true})
	s.exec(f, `update identity."user" set operator = true where id = $1`, s.who("operator").user)
	s.rows["nowhere"] = nowhere()
	s.settled(f, tenantB)
	s.before = s.sums(f, tenantB)
	return s
}

// chosen is the operation of an id; another text is one, too.
func (s *fuzzed) chosen(id string) operation {
	for _, o := range s.operations {
		if o.ID == id {
			return o
		}
	}
	sum := 0
	for _, c := range []byte(id) {
		sum = (sum*31 + int(c)) % len(s.operations)
	}
	return s.operations[sum]
}

// asked is who sends bodies to an operation, and about which rows: operators may change every organisation, so theirs are about
// none.
func (s *fuzzed) asked(o operation) (persona, ids) {
	if as := s.who("a owner"); as.allowed(o.Permission) {
		return as, s.rows[tenantA]
	}
	return s.who("operator"), s.rows["nowhere"]
}

// given gives one body to the program. Each comes from another address, so that no throttle stands before what is to be tried.
func (s *fuzzed) given(ctx context.Context, o operation, body []byte) (status int, header http.Header, text []byte, err error) {
	as, rows := s.asked(o)
	req, err := http.NewRequestWithContext(ctx, o.Method, s.url+o.address(rows), bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	sent := s.sent.Add(1)
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", sent>>16%256, sent>>8%256, sent%256))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+as.token)
	for _, name := range o.Header {
		req.Header.Set(name, "*")
		if name != "If-Match" {
			req.Header.Set(name, uuid.NewString())
		}
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	return res.StatusCode, res.Header, text, err
}

// near are a body and others that differ from it in some values, which bytes that change one by one seldom come to. They
// follow from the body, so that a failure can be repeated.
func near(body []byte) [][]byte {
	all := [][]byte{body}
	var object map[string]any
	if json.Unmarshal(body, &object) != nil || len(object) == 0 {
		return all
	}
	sum := fnv.New64a()
	_, _ = sum.Write(body)
	r := rand.New(rand.NewPCG(sum.Sum64(), 1)) //nolint:gosec // to be the same for the same body
	for range variants {
		text, err := json.Marshal(mutate(r, object))
		if err == nil {
			all = append(all, text)
		}
	}
	return all
}

// tried gives bodies to an operation, some at once, and says what is wrong with each answer.
func (s *fuzzed) tried(t *testing.T, o operation, bodies [][]byte) {
	t.Helper()
	var all errgroup.Group
	all.SetLimit(atOnce)
	for _, body := range bodies {
		all.Go(func() error {
			status, header, text, err := s.given(t.Context(), o, body)
			if err != nil {
				return err
			}
			if fault := s.wrong(o, body, status, header, text); fault != "" {
				t.Errorf("%s %s %q: %d %s\n%s", o.Method, o.Path, body, status, text, fault)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Errorf("%s %s %q or one like it: %v", o.Method, o.Path, bodies[0], err)
	}
}

// fits tells whether a body is what the description asks for, by a library that knows nothing of the program.
func (s *fuzzed) fits(o operation, body []byte) error {
	schema, err := s.promises.schema("paths", o.Path, strings.ToLower(o.Method), "requestBody", "content", "application/json", "schema")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	// A field that may be absent may be null as well, which says the same; one that must be there is missed then.
	if object, ok := value.(map[string]any); ok {
		maps.DeleteFunc(object, func(_ string, v any) bool { return v == nil })
	}
	return schema.Validate(value)
}

// wrong says what is wrong with the answer to a body.
func (s *fuzzed) wrong(o operation, body []byte, status int, header http.Header, text []byte) string {
	var problem struct{ Code, Detail string }
	switch {
	case status >= http.StatusBadRequest && (header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(text, &problem) != nil || problem.Code == "" || problem.Detail == ""):
		return "no problem with a code and a sentence"
	case status >= http.StatusInternalServerError && problem.Code != "no_capacity":
		return "a fault of ours"
	case status == http.StatusUnauthorized:
		return "the owner is not known any more"
	}
	if fault := s.promises.broken(o.Method, s.url+o.address(s.rows[tenantA]), status, header, text); fault != "" {
		return fault
	}
	if status >= http.StatusMultipleChoices {
		return ""
	}
	if err := s.fits(o, body); err != nil {
		return "it was taken, although " + err.Error()
	}
	s.taken.Add(1)
	return ""
}

// look compares the other organisation's rows with what they were, once so many bodies have been taken since the last time.
func (s *fuzzed) look(t *testing.T) {
	t.Helper()
	if s.taken.Load() < looked {
		return
	}
	s.taken.Store(0)
	for _, fault := range s.changed(t, tenantB, s.before) {
		t.Errorf("this body or one before it: %s", fault)
	}
}

// FuzzBody sends bodies to every operation that takes JSON, as somebody who may call it: no answer is a fault of ours, all are as
// described, what is taken fits its schema, and no row of another organisation changes. With each come some that are like it.
func FuzzBody(f *testing.F) {
	s := setFuzzed(f)
	for _, o := range s.operations {
		_, rows := s.asked(o)
		_, body := o.fill(rows)
		f.Add(o.ID, body)
	}
	f.Fuzz(func(t *testing.T, id string, body []byte) {
		s.tried(t, s.chosen(id), near(body))
		s.look(t)
	})
}
