package server_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal"
)

// Nothing runs in the sessions of the stage: whoever is let in hears that the lab does not answer, and nobody else does.

// ticket asks for a ticket for the persona's session, in the tenant that they are of.
func (s *stage) ticket(t *testing.T, p persona, kind, port string) (secret string, until time.Time) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"kind": kind, "port": port})
	if err != nil {
		t.Fatal(err)
	}
	got := s.send(t, p.token, http.MethodPost, "/v1/sessions/"+s.rows[p.of]["session"]+"/tickets", body)
	var made terminal.Ticket
	if err := json.Unmarshal([]byte(got.text), &made); err != nil || got.status != http.StatusOK {
		t.Fatalf("a ticket for %s: %s %s", p.name, got, got.text)
	}
	if made.ExpiresAt != nil {
		return made.Ticket, *made.ExpiresAt
	}
	entrance, err := url.Parse(made.URL)
	if err != nil {
		t.Fatal(err)
	}
	return entrance.Query().Get("ticket"), time.Time{}
}

// opened says how an attempt at a terminal ended: with a status of HTTP, or with a close code.
func (s *stage) opened(t *testing.T, session, ticket, origin string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	options := &websocket.DialOptions{Subprotocols: []string{terminal.Subprotocol}, HTTPHeader: http.Header{}}
	if ticket != "" {
		options.Subprotocols = append(options.Subprotocols, "ticket."+ticket)
	} else {
		options.HTTPHeader.Set("Authorization", "Bearer "+s.who("a learner").token)
	}
	if origin != "" {
		options.HTTPHeader.Set("Origin", origin)
	}
	conn, res, err := websocket.Dial(ctx, s.url+"/v1/sessions/"+session+"/terminals/1?client=attack", options)
	if err != nil {
		if res == nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	defer conn.CloseNow()
	_, _, err = conn.Read(ctx)
	return int(websocket.CloseStatus(err))
}

// terminals tries every way into a terminal that is none.
func (s *stage) terminals(t *testing.T) (faults []string) {
	t.Helper()
	const refused = int(terminal.CodeTicketRefused)
	learner, own, foreign := s.who("a learner"), s.rows[tenantA]["session"], s.rows[tenantB]["session"]
	fresh := func() string { secret, _ := s.ticket(t, learner, "terminal", ""); return secret }
	port, _ := s.ticket(t, learner, "port", "web")
	used := fresh()
	if code := s.opened(t, own, used, s.url); code != int(terminal.CodeSessionGone) && code != int(websocket.StatusTryAgainLater) {
		faults = append(faults, fmt.Sprintf("a terminal with its ticket: %d: the attacks prove nothing", code))
	}
	astray, unused := fresh(), fresh()
	for _, c := range []struct {
		what, session, ticket, origin string
		want                          int
	}{
		{"without a ticket", own, "", s.url, http.StatusBadRequest},
		{"with a guessed ticket", own, strings.Repeat("A", len(used)), s.url, refused},
		{"with a used ticket", own, used, s.url, refused},
		{"with a ticket for another tenant's session", foreign, astray, s.url, refused},
		{"with a ticket that was tried elsewhere", own, astray, s.url, refused},
		{"with a ticket for no session", uuid.NewString(), fresh(), s.url, refused},
		{"with a ticket for a web port", own, port, s.url, refused},
		{"from another origin", own, unused, "https://evil.example", http.StatusForbidden},
		{"from a lab's origin", own, unused, "http://web--" + own + "." + s.labs(), http.StatusForbidden},
		{"from a sandboxed frame", own, unused, "null", http.StatusForbidden},
		{"without an origin", own, unused, "", http.StatusForbidden},
	} {
		if code := s.opened(t, c.session, c.ticket, c.origin); code != c.want {
			faults = append(faults, fmt.Sprintf("a terminal %s: %d, want %d", c.what, code, c.want))
		}
	}
	return faults
}

// expired uses the ticket from the beginning, once it is too old.
func (s *stage) expired(t *testing.T) (faults []string) {
	t.Helper()
	<-time.After(time.Until(s.spareUntil)) // what came before took most of it
	if code := s.opened(t, s.rows[tenantA]["session"], s.spare, s.url); code != int(terminal.CodeTicketRefused) {
		faults = append(faults, fmt.Sprintf("a terminal with an expired ticket: %d", code))
	}
	return faults
}

// labs is the domain of the labs' origins.
func (s *stage) labs() string { return "labs." + strings.TrimPrefix(s.url, "http://") }

// visit asks for a page of a lab's origin.
func (s *stage) visit(t *testing.T, port, session, path, cookie string, p persona) answer {
	t.Helper()
	return s.send(t, p.token, http.MethodGet, path, nil, func(r *http.Request) {
		r.Host = port + "--" + session + "." + s.labs()
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: visitCookie, Value: cookie}) //nolint:gosec // of a request
		}
	})
}

const visitCookie = "__Host-cloudkida-port"

// sign makes the cookie of a lab's origin with the installation's key, as package webport describes it.
func (s *stage) sign(tenant, user, port, session string, expires time.Time) string {
	of, who := uuid.MustParse(tenant), uuid.MustParse(user)
	visit := append(append([]byte{}, of[:]...), who[:]...)
	visit = append(visit, make([]byte, 16)...)                           // people hold it by nothing else
	visit = binary.BigEndian.AppendUint64(visit, uint64(expires.Unix())) //nolint:gosec // years after 1970
	mac := hmac.New(sha256.New, []byte(s.key.Derive("web port cookies")))
	mac.Write([]byte("cloudkida port visit 2\x00" + port + "--" + session + "\x00"))
	mac.Write(visit)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(visit))
}

// labOrigins tries every way to a lab's web port that is none.
func (s *stage) labOrigins(t *testing.T) (faults []string) {
	t.Helper()
	const notOpened, letIn = "403 port_not_opened", "404 session_gone"
	a, own, foreign := s.who("a learner"), s.rows[tenantA]["session"], s.rows[tenantB]["session"]
	check := func(what string, got answer, want string) {
		if got.String() != want {
			faults = append(faults, fmt.Sprintf("a lab's origin %s: %s, want %s", what, got, want))
		}
	}
	enter := func(session, ticket string) answer {
		return s.visit(t, "web", session, "/__cloudkida/enter?ticket="+ticket, "", persona{})
	}
	for _, p := range s.personas {
		check("with the access token of "+p.name, s.visit(t, "web", own, "/", "", p), notOpened)
	}
	ticket, _ := s.ticket(t, a, "port", "web")
	astray, _ := s.ticket(t, a, "port", "web")
	shell, _ := s.ticket(t, a, "terminal", "")
	entered := enter(own, ticket)
	cookie := entered.cookie(visitCookie)
	check("with its ticket", entered, "303 ")
	check("with its cookie", s.visit(t, "web", own, "/", cookie, persona{}), letIn)
	for what, got := range map[string]answer{
		"with a used ticket":                         enter(own, ticket),
		"with a ticket for another tenant's session": enter(foreign, astray),
		"with a ticket for a terminal":               enter(own, shell),
		"with a guessed ticket":                      enter(own, strings.Repeat("A", len(ticket))),
		"without a ticket":                           enter(own, ""),
	} {
		check(what, got, "403 ticket_refused")
		if got.cookie(visitCookie) != "" {
			faults = append(faults, "a lab's origin gives a cookie "+what)
		}
	}
	soon, tenant := time.Now().Add(time.Hour), s.tenants[tenantA]
	check("with a cookie as we sign it", s.visit(t, "web", own, "/", s.sign(tenant, a.user, "web", own, soon), persona{}), letIn)
	for what, c := range map[string]struct{ session, port, cookie string }{
		"without a cookie":                       {own, "web", ""},
		"with the cookie of another session":     {foreign, "web", cookie},
		"with the cookie of another port":        {own, "api", cookie},
		"with a cookie that was changed":         {own, "web", changed(cookie)},
		"with an expired cookie":                 {own, "web", s.sign(tenant, a.user, "web", own, time.Now().Add(-time.Second))},
		"with an expired cookie of another":      {foreign, "web", s.sign(tenant, a.user, "web", foreign, time.Now().Add(-time.Second))},
		"with a cookie that was signed for none": {own, "web", s.sign(tenant, a.user, "", "", soon)},
	} {
		check(what, s.visit(t, c.port, c.session, "/", c.cookie, persona{}), notOpened)
	}
	// A right cookie is worth nothing to whoever has no right any more, or never had it.
	for name, want := range map[string]string{
		"b learner": "404 session_not_found", "a author": "404 session_not_found", "removed": "403 not_a_member", "disabled": "403 account_disabled",
	} {
		p := s.who(name)
		check("with a cookie of "+name, s.visit(t, "web", own, "/", s.sign(s.tenants[p.of], p.user, "web", own, soon), persona{}), want)
	}
	return faults
}

// changed is a cookie with another first letter.
func changed(cookie string) string {
	if cookie[0] == 'A' {
		return "B" + cookie[1:]
	}
	return "A" + cookie[1:]
}

// cookie is the value of a cookie that an answer sets.
func (a answer) cookie(name string) string {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
