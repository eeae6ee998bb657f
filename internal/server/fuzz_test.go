package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
)

// looked is after how many bodies that were taken the other organisation's rows are compared: that is dear.
const looked = 100

// fuzzed is a program with an organisation whose owner sends bodies and another one that nothing may reach.
type fuzzed struct {
	stage
	promises *promises
	before   map[string]string
	taken    int
	sent     int
}

func setFuzzed(f *testing.F) *fuzzed {
	f.Helper()
	cfg := config(f, dataDir(f))
	cfg.Roles = []string{server.RoleAPI, server.RoleWorker}
	s := &fuzzed{stage: stage{dir: cfg.Data, tenants: map[string]string{}, rows: map[string]ids{}}}
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
func (s *fuzzed) given(t *testing.T, o operation, body []byte) (status int, header http.Header, text []byte) {
	t.Helper()
	as, rows := s.asked(o)
	req, err := http.NewRequestWithContext(t.Context(), o.Method, s.url+o.address(rows), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	s.sent++
	req.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", s.sent>>16%256, s.sent>>8%256, s.sent%256))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+as.token)
	for _, name := range o.Header {
		req.Header.Set(name, "*")
		if name != "If-Match" {
			req.Header.Set(name, uuid.NewString())
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, text
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
	return schema.Validate(value)
}

// wrong says what is wrong with the answer to a body.
func (s *fuzzed) wrong(t *testing.T, o operation, body []byte, status int, header http.Header, text []byte) string {
	t.Helper()
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
	if s.taken++; s.taken%looked == 0 {
		if faults := s.changed(t, tenantB, s.before); len(faults) > 0 {
			return "this or one before it: " + strings.Join(faults, "; ")
		}
	}
	return ""
}

// FuzzBody sends bodies to every operation that takes JSON, as somebody who may call it: no answer is a fault of ours, all are as
// described, what is taken fits its schema, and no row of another organisation changes.
func FuzzBody(f *testing.F) {
	s := setFuzzed(f)
	for _, o := range s.operations {
		_, rows := s.asked(o)
		_, body := o.fill(rows)
		f.Add(o.ID, body)
	}
	f.Fuzz(func(t *testing.T, id string, body []byte) {
		o := s.chosen(id)
		status, header, text := s.given(t, o, body)
		if fault := s.wrong(t, o, body, status, header, text); fault != "" {
			t.Errorf("%s %s %q: %d %s\n%s", o.Method, o.Path, body, status, text, fault)
		}
	})
}
