package server_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// TestTheGateOfEveryRoute tries on every route what the gate must refuse before anything is done.
func TestTheGateOfEveryRoute(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	t.Run("features of plans", func(t *testing.T) { s.entitlements(t) })
	t.Run("bodies", func(t *testing.T) { s.badBodies(t) })
	t.Run("requests", func(t *testing.T) { s.badRequests(t) })
	t.Run("floods", func(t *testing.T) { s.floods(t) })
}

// bomb is a body that nobody must decode.
type bomb struct {
	name   string
	body   []byte
	change func(*http.Request)
	want   []int
}

// bombs are tried on operations that take JSON; those that take a stream must refuse them for their type.
func bombs() []bomb {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(bytes.Repeat([]byte{' '}, 64<<20)) // a buffer takes everything
	_ = z.Close()
	plain := func(*http.Request) {}
	with := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	// The transport waits for the server's word before it sends such a body.
	patient := with("Expect", "100-continue")
	return []bomb{
		{"10 MB", append(append([]byte(`{"pad":"`), bytes.Repeat([]byte("x"), 10<<20)...), `"}`...), patient, []int{http.StatusRequestEntityTooLarge}},
		{"a pile of brackets", []byte(strings.Repeat(`{"a":[`, 300)), plain, []int{http.StatusBadRequest}},
		{"a name twice", []byte(`{"zz":1,"zz":2}`), plain, []int{http.StatusBadRequest}},
		{"the character 0", []byte(`{"zz":"a\u0000b"}`), plain, []int{http.StatusBadRequest}},
		{"bytes that are no text", []byte("{\"zz\":\"\xff\"}"), plain, []int{http.StatusBadRequest}},
		{"no JSON", []byte(`{"zz":`), plain, []int{http.StatusBadRequest, http.StatusPreconditionFailed, http.StatusUnprocessableEntity}},
		{"another type", []byte(`<a/>`), with("Content-Type", "application/xml"), []int{http.StatusUnsupportedMediaType}},
		{"another charset", []byte(`{}`), with("Content-Type", "application/json; charset=utf-16"), []int{http.StatusUnsupportedMediaType}},
		{"a form", []byte(`a=b`), with("Content-Type", "application/x-www-form-urlencoded"), []int{http.StatusUnsupportedMediaType}},
		{"64 MB of nothing, packed", packed.Bytes(), with("Content-Encoding", "gzip"), []int{http.StatusUnsupportedMediaType}},
	}
}

// badBodies sends bombs to every operation that takes a body, as somebody who may call it.
func (s *stage) badBodies(t *testing.T) {
	t.Helper()
	before := s.digest(t, tenantA)
	for _, o := range s.operations {
		if len(o.Media) == 0 {
			continue
		}
		p := s.who("a owner")
		if !p.allowed(o.Permission) {
			p = s.who("operator")
		}
		address, _ := o.fill(s.rows[tenantA])
		for _, b := range bombs() {
			want := b.want
			if o.Body == nil {
				want = []int{http.StatusUnsupportedMediaType}
			}
			got := s.send(t, p.token, o.Method, address, b.body, func(r *http.Request) {
				for _, name := range o.Header {
					r.Header.Set(name, uuid.NewString())
				}
				b.change(r)
			})
			if !slices.Contains(append(want, http.StatusTooManyRequests), got.status) || got.header.Get("Content-Type") != "application/problem+json" || got.code == "" {
				t.Errorf("%s %s with %s: %s, want %v", o.Method, o.Path, b.name, got.text, want)
			}
		}
	}
	for _, fault := range s.changed(t, tenantA, before) {
		t.Error(fault)
	}
}

// badRequests sends what no address takes, over a connection of its own: a client would mend it.
func (s *stage) badRequests(t *testing.T) {
	t.Helper()
	host := strings.TrimPrefix(s.url, "http://")
	head := "Host: " + host + "\r\n"
	for name, try := range map[string]struct {
		request string
		want    []int
	}{
		"a good one":              {"GET /healthz HTTP/1.1\r\n" + head, []int{200}},
		"TRACE":                   {"TRACE /v1/labs HTTP/1.1\r\n" + head, []int{405}},
		"CONNECT":                 {"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n", []int{400, 404, 405}},
		"a method of one's own":   {"BREW /v1/labs HTTP/1.1\r\n" + head, []int{405}},
		"steps up":                {"GET /v1/../docs HTTP/1.1\r\n" + head, []int{400}},
		"steps up, encoded":       {"GET /v1/%2e%2e/docs HTTP/1.1\r\n" + head, []int{400}},
		"a slash, encoded":        {"GET /v1/labs%2fdns HTTP/1.1\r\n" + head, []int{400}},
		"a slash the other way":   {"GET /v1/labs%5cdns HTTP/1.1\r\n" + head, []int{400}},
		"the character 0":         {"GET /v1/labs/a%00b HTTP/1.1\r\n" + head, []int{400}},
		"bytes that are no text":  {"GET /v1/labs/%ff HTTP/1.1\r\n" + head, []int{400}},
		"0 in the query":          {"GET /v1/labs?q=a%00 HTTP/1.1\r\n" + head, []int{400}},
		"no text in the query":    {"GET /v1/labs?q=%ff HTTP/1.1\r\n" + head, []int{400}},
		"a long query":            {"GET /v1/labs?q=" + strings.Repeat("a", 9<<10) + " HTTP/1.1\r\n" + head, []int{414}},
		"a long path":             {"GET /v1/" + strings.Repeat("a", 3<<10) + " HTTP/1.1\r\n" + head, []int{414}},
		"many headers":            {"GET /healthz HTTP/1.1\r\n" + head + strings.Repeat("X-A: b\r\n", 200), []int{431}},
		"large headers":           {"GET /healthz HTTP/1.1\r\n" + head + strings.Repeat("X-A: "+strings.Repeat("b", 1000)+"\r\n", 50), []int{431}},
		"no host":                 {"GET /healthz HTTP/1.1\r\n", []int{400}},
		"two hosts":               {"GET /healthz HTTP/1.1\r\n" + head + head, []int{400}},
		"a host that is none":     {"GET /healthz HTTP/1.1\r\nHost: a/b\r\n", []int{400}},
		"a host with a person":    {"GET /healthz HTTP/1.1\r\nHost: me@" + host + "\r\n", []int{400}},
		"two lengths":             {"POST /v1/labs HTTP/1.1\r\n" + head + "Content-Length: 5\r\nContent-Length: 6\r\n", []int{400}},
		"a length and pieces":     {"POST /v1/none HTTP/1.1\r\n" + head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", []int{400, 404}},
		"pieces of another kind":  {"POST /v1/labs HTTP/1.1\r\n" + head + "Transfer-Encoding: gzip, chunked\r\n", []int{400, 501}},
		"a form with 0":           {"POST /pools/default/sign-in HTTP/1.1\r\n" + head + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n\r\na=%00", []int{400}},
		"a form that is packed":   {"POST /pools/default/sign-in HTTP/1.1\r\n" + head + "Content-Encoding: gzip\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b", []int{415}},
		"a folded header":         {"GET /healthz HTTP/1.1\r\n" + head + "X-A: b\r\n c\r\n", []int{200, 400}},
		"a header without a name": {"GET /healthz HTTP/1.1\r\n" + head + ": b\r\n", []int{400}},
	} {
		conn, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(try.request + "\r\n")) // the server may have answered and gone before the end
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _ = res.Body.Close(); !slices.Contains(try.want, res.StatusCode) {
			t.Errorf("%s: %s, want %v", name, res.Status, try.want)
		}
		_ = conn.Close()
	}
}

// entitlements asks every route that declares a feature as the owner of an organisation whose plan lacks it.
func (s *stage) entitlements(t *testing.T) {
	t.Helper()
	const poor = "poor"
	s.tenants[poor] = s.one(t, `insert into control.tenant (name, title, tier) values ($1, $1, 'basic') returning id::text`, poor)
	s.join(t, persona{name: "p owner", of: poor, role: tenancy.RoleOwner})
	asked := map[tier.Feature]bool{}
	for _, o := range s.operations {
		if o.Feature == "" {
			continue
		}
		f := tier.Feature(o.Feature)
		if !slices.Contains(tier.Features(), f) {
			t.Errorf("%s %s: no tier can have the feature %q", o.Method, o.Path, f)
		}
		asked[f] = true
		got := s.ask(t, s.who("p owner"), o, s.rows[tenantA])
		if got.status != http.StatusForbidden || got.code != "plan_feature" || !strings.Contains(got.text, "Premium") {
			t.Errorf("%s %s with a plan without %s: %s", o.Method, o.Path, f, got.text)
		}
		if got := s.ask(t, s.who("a learner"), o, s.rows[tenantA]); !got.denied() {
			t.Errorf("%s %s by somebody who may not anyway: %s", o.Method, o.Path, got.text)
		}
	}
	if len(asked) != len(tier.Features()) {
		t.Errorf("features of routes: %v; of tiers: %v", asked, tier.Features())
	}
}
