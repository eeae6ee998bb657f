package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/server"
)

// put sends a change of what was seen with an ETag; "" for a change that needs none.
func (c *caller) put(address, etag, body string) (status int, text string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPut, address, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	if etag != "" {
		req.Header.Set("If-Match", etag)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

// etag is that of what is shown at an address.
func (c *caller) etag(address string) string {
	c.t.Helper()
	res := c.send(http.MethodGet, address, "")
	defer res.Body.Close()
	return res.Header.Get("ETag")
}

// An organisation's language is that of its letters and pages, for whoever says none that there is.
func TestAnOrganisationHasALanguage(t *testing.T) {
	t.Parallel()
	s := newOwnerStage(t)
	path, owner := s.url+"/v1/tenant/locale", s.people["owner"]
	before := owner.etag(path)
	for body, want := range map[string]int{`{"locale":"fr"}`: 422, `{"locale":"hi; drop"}`: 422, `{"locale":"en-GB"}`: 422} {
		if status, text := owner.put(path, before, body); status != want || !strings.Contains(text, "en, hi") {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if status, text := owner.put(path, "", `{"locale":"hi"}`); status != http.StatusPreconditionRequired {
		t.Errorf("without If-Match: %d %s", status, text)
	}
	if status, text := owner.put(path, before, `{"locale":"hi"}`); status != http.StatusOK || !strings.Contains(text, `"locale":"hi"`) {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := owner.put(path, before, `{"locale":"en"}`); status != http.StatusPreconditionFailed {
		t.Errorf("what somebody else has changed: %d %s", status, text)
	}
	var log struct {
		Items []struct {
			Action        string
			Before, After map[string]string
		}
	}
	owner.json(http.MethodGet, s.url+"/v1/tenant/audit?action=tenant.locale_changed", "", &log)
	if len(log.Items) != 1 || log.Items[0].Before["locale"] != "" || log.Items[0].After["locale"] != "hi" {
		t.Errorf("the log: %+v", log.Items)
	}
	owner.json(http.MethodPost, s.url+"/v1/invitations", `{"email":"asha@example.org","role":"learner"}`, &struct{}{})
	s.people["stranger"].json(http.MethodPost, s.url+"/v1/invitations", `{"email":"bob@example.org","role":"learner"}`, &struct{}{})
	admin, err := server.DatabaseURL(s.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for to, want := range map[string]string{"asha@example.org": "acme में आपको न्योता मिला है", "bob@example.org": "You are invited to bravo"} {
		var subject string
		if err := conn.QueryRow(t.Context(), `select subject from control.mail_message where recipient = $1`, to).Scan(&subject); err != nil || subject != want {
			t.Errorf("to %s: %q, %v", to, subject, err)
		}
	}
	for wish, want := range map[string]string{"": "hi", "fr": "hi", "en-GB,hi;q=0.5": "en"} {
		if got := language(t, s.url+"/pools/default/forgot?tenant=acme", wish); got != want {
			t.Errorf("a page of acme for %q: %s, want %s", wish, got, want)
		}
	}
	for _, other := range []string{"?tenant=bravo", "", "?tenant=%27", "?tenant=nobody"} {
		if got := language(t, s.url+"/pools/default/forgot"+other, ""); got != "en" {
			t.Errorf("a page of %q: %s", other, got)
		}
	}
}

// language is that of a page for a browser that wishes some.
func language(t *testing.T, address, wish string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Language", wish)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), `<html lang="`)
	lang, _, _ := strings.Cut(rest, `"`)
	return lang
}

// Whoever registers gets mail in the language of their browser, and the same wish in another one is the same wish.
func TestARegistrationIsInTheLanguageOfTheBrowser(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cfg := config(t, dir)
	cfg.Roles = []string{server.RoleAPI, server.RoleWorker}
	r := start(t, cfg)
	for _, wish := range []string{"hi-IN,hi;q=0.9,en;q=0.8", "en"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/v1/registrations",
			strings.NewReader(`{"title":"Asha's school","name":"asha-school","email":"asha@example.org","adminName":"Asha","tier":"basic"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", "the very same key")
		req.Header.Set("Accept-Language", wish)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var receipt struct{ ID string }
		if err := json.NewDecoder(res.Body).Decode(&receipt); err != nil || res.StatusCode != http.StatusAccepted {
			t.Errorf("%s: %d %v", wish, res.StatusCode, err)
		}
		_ = res.Body.Close()
	}
	admin, err := server.DatabaseURL(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var subject, locale string
	if err := conn.QueryRow(t.Context(), `select string_agg(subject, '|'), max(locale) from control.mail_message`).Scan(&subject, &locale); err != nil {
		t.Fatal(err)
	}
	if subject != "asha-school के लिए अपना ई-मेल पता पक्का करें" || locale != "hi" {
		t.Errorf("%s in %s", subject, locale)
	}
}
