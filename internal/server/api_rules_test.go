package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/server"
)

// document is what the API's rules are read from.
type document struct {
	Paths map[string]map[string]described
}

type described struct {
	Permission    string `json:"x-permission"`
	Unconditional string `json:"x-unconditional"`
	Parameters    []struct{ Name, In string }
	Responses     map[string]struct {
		Headers map[string]any
		Content map[string]any
	}
}

func (d described) takes(in, name string) bool {
	for _, p := range d.Parameters {
		if p.In == in && p.Name == name {
			return true
		}
	}
	return false
}

func readDocument(t *testing.T, text []byte) (d document) {
	t.Helper()
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// withoutKey are POSTs that take no Idempotency-Key, and why a second one does no harm.
func withoutKey() map[string]string {
	return map[string]string{
		"/v1/invitations/look":      "changes nothing",
		"/v1/invitations/enter":     "the one-time token of the mail is its key",
		"/v1/registrations/confirm": "the one-time token of the mail is its key",
		"/v1/registrations/key":     "the one-time token of the mail is its key, and the key is made once",
		"/v1/registrations/enter":   "the one-time token of the mail is its key",
	}
}

// withoutCondition are changes that take no If-Match: they replace nothing that somebody could have seen.
func withoutCondition() []string {
	return []string{"put /v1/groups/{id}/labs/{slug}", "put /v1/groups/{id}/members/{user}", "put /v1/tenant/usage/programs/{program}"}
}

// rules lists what breaks the rules of every POST, PUT, PATCH and DELETE.
func (d document) rules() (faults []string) {
	for path, methods := range d.Paths {
		for method, op := range methods {
			name := method + " " + path
			switch method {
			case "post":
				if _, without := withoutKey()[path]; without == op.takes("header", "Idempotency-Key") {
					faults = append(faults, name+": takes an Idempotency-Key, or is named in withoutKey with the reason")
				}
			case "put", "patch":
				without := slices.Contains(withoutCondition(), name)
				if without != (op.Unconditional != "") || without == op.takes("header", "If-Match") {
					faults = append(faults, name+": takes If-Match, or gives httpx.Unconditional a reason and is named in withoutCondition")
				}
				if !without && d.shown(path) == "" {
					faults = append(faults, name+": nothing shows the ETag of what it changes")
				}
			case "get":
				if ok := op.Responses["200"]; len(ok.Content) > 0 && ok.Content["application/json"] != nil && ok.Headers["ETag"] == nil && path != "/v1/me/data" {
					faults = append(faults, name+": gives no ETag")
				}
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// shown is the nearest address at or above a path that shows an ETag.
func (d document) shown(path string) string {
	for ; path != ""; path = path[:strings.LastIndexByte(path, '/')] {
		if get, ok := d.Paths[path]["get"]; ok && get.Responses["200"].Headers["ETag"] != nil {
			return path
		}
	}
	return ""
}

func TestEveryChangeCanBeRepeatedAndIsNeverLost(t *testing.T) {
	t.Parallel()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range readDocument(t, text).rules() {
		t.Error(fault)
	}
	for plant, change := range map[string][2]string{
		"a POST without a key":        {`"name": "Idempotency-Key"`, `"name": "Other-Key"`},
		"a change without If-Match":   {`"name": "If-Match"`, `"name": "If-Nothing"`},
		"a reading without ETag":      {`"ETag": {`, `"Tag": {`},
		"a reason for what needs one": {`"x-unconditional"`, `"x-nothing"`},
	} {
		planted := bytes.ReplaceAll(text, []byte(change[0]), []byte(change[1]))
		if len(readDocument(t, planted).rules()) == 0 {
			t.Errorf("not found: %s", plant)
		}
	}
}

// repeated sends every POST that takes a key twice: the second is answered as the first, and said to be.
func (s *stage) repeated(t *testing.T) (faults []string) {
	t.Helper()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	paths := readDocument(t, text).Paths
	asked := 0
	for _, o := range s.operations {
		if o.Method != http.MethodPost || !paths[o.Path]["post"].takes("header", "Idempotency-Key") || o.Path == "/v1/registrations" {
			continue
		}
		asked++
		p := s.who("a owner")
		if strings.HasPrefix(o.Path, "/v1/operator/") {
			p = s.who("operator")
		}
		address, body := o.fill(nowhere())
		key := uuid.NewString()
		twice := func() answer {
			return s.send(t, p.token, o.Method, address, body, func(r *http.Request) {
				r.Header.Set("Idempotency-Key", key)
				if o.Path == "/v1/labs" {
					r.Header.Set("Content-Type", "application/gzip")
				}
			})
		}
		first := twice()
		again := twice()
		replayed := again.header.Get("Idempotency-Replayed") == "true"
		kept := first.status < http.StatusInternalServerError && first.status != http.StatusTooManyRequests && !first.denied()
		if kept != replayed || first.String() != again.String() || replayed && !sameAnswer(first, again) {
			faults = append(faults, fmt.Sprintf("%s twice: %s %.200s, then %s %.200s, replayed %v", o.Path, first, first.text, again, again.text, replayed))
		}
	}
	if asked < 30 {
		faults = append(faults, fmt.Sprintf("only %d POSTs take a key", asked))
	}
	return faults
}

// sameAnswer compares all that a client reads; the request's own id is a new one.
func sameAnswer(x, y answer) bool {
	hx, hy := maps.Clone(x.header), maps.Clone(y.header)
	for _, h := range []http.Header{hx, hy} {
		for _, own := range []string{"Date", "X-Request-Id", "Idempotency-Replayed"} {
			h.Del(own)
		}
		for name := range h {
			if strings.HasPrefix(name, "Ratelimit") {
				h.Del(name)
			}
		}
	}
	return x.text == y.text && maps.EqualFunc(hx, hy, slices.Equal)
}
