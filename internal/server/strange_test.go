package server_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// strange are values that programs stumble over.
func strange() []any {
	return []any{
		nil, true, 0, -1, 1e308, math.MaxInt64, -0.5, "", " ", "\u202e", "\ufeff", "a\tb\nc", "🧨", "e\u0301", "../../etc/passwd", "'; drop table x --", "%s%n", "{{.}}", "<script>",
		strings.Repeat("x", 5000), strings.Repeat("é", 300), "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "-infinity", uuid.Nil.String(), "https://[::1]:0/", "http://%zz",
		"xn--a", "a@b", "a@" + strings.Repeat("b", 250), []any{}, []any{nil}, []any{[]any{[]any{}}}, map[string]any{}, map[string]any{"": ""}, map[string]any{"__proto__": 1},
		slices.Repeat([]any{"x"}, 300),
	}
}

// mutate puts strange values in one to three places of a body.
func mutate(r *rand.Rand, body map[string]any) map[string]any {
	text, _ := json.Marshal(body)
	var out map[string]any
	_ = json.Unmarshal(text, &out)
	names := make([]string, 0, len(out))
	for name := range out {
		names = append(names, name)
	}
	slices.Sort(names)
	all := strange()
	for range 1 + r.IntN(3) {
		value := all[r.IntN(len(all))]
		switch r.IntN(8) {
		case 0:
			out["more"+names[r.IntN(len(names))]] = value
		case 1:
			delete(out, names[r.IntN(len(names))])
		case 2:
			out[names[r.IntN(len(names))]] = []any{value, value}
		case 3:
			out[names[r.IntN(len(names))]] = map[string]any{"a": value}
		default:
			out[names[r.IntN(len(names))]] = value
		}
	}
	return out
}

// TestStrangeBodiesBreakNothing sends thousands of bodies that nobody would send to every operation that takes one, as those
// who may call it: no answer is a fault of ours, and no row of another organisation changes. What is sent is the same in every
// run.
func TestStrangeBodiesBreakNothing(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	s.settled(t, tenantB)
	before := s.digest(t, tenantB)
	r := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // to be the same in every run
	for _, o := range s.operations {
		if len(o.Body) == 0 || o.Path == "/v1/me/erasure" {
			continue
		}
		as := s.who("a owner")
		if !as.allowed(o.Permission) {
			as = s.who("operator")
		}
		rows := s.rows[tenantA]
		if as.operator {
			rows = nowhere() // operators may change every organisation: what they send is about none
		}
		for range 25 {
			body, _ := json.Marshal(mutate(r, o.Body))
			got := s.send(t, as.token, o.Method, o.address(rows), body, as.from, func(req *http.Request) {
				for _, name := range o.Header {
					req.Header.Set(name, uuid.NewString())
					if name == "If-Match" {
						req.Header.Set(name, "*")
					}
				}
			})
			if got.status >= http.StatusInternalServerError && got.status != http.StatusServiceUnavailable {
				t.Errorf("%s %s %.500s: %s", o.Method, o.Path, body, got.text)
			}
		}
	}
	s.settled(t, tenantB)
	for _, fault := range s.changed(t, tenantB, before) {
		t.Error(fault)
	}
}
