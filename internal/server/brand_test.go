package server_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/server"
)

// fetch is what anybody is answered.
func fetch(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

type shownBrand struct {
	Title, Primary string
	Own            bool
	Logo           struct{ Path string }
}

// shown is what strangers see of an organisation.
func (s *ownerStage) shown(t *testing.T, tenant string) shownBrand {
	t.Helper()
	var a struct{ Branding shownBrand }
	(&caller{t: t}).json(http.MethodGet, s.url+"/v1/directory?tenant="+tenant, "", &a)
	return a.Branding
}

// An organisation's administrators change its brand alone, from what they saw, where the plan has one.
func TestOrganisationsHaveTheirOwnBrands(t *testing.T) {
	t.Parallel()
	s := newOwnerStage(t)
	const body = `{"title":"Labs of Acme","primary":"#0F766E","accent":"","support":"help@acme.example","terms":"","privacy":""}`
	path := s.url + "/v1/tenant/brand"
	admin, stranger := s.people["admin"], s.people["stranger"]
	owner, err := server.DatabaseURL(s.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, owner, `update control.tenant set tier = 'standard'`)
	for name, c := range map[string]struct {
		etag, body, says string
		status           int
	}{
		"without a version": {"", body, "if_match_missing", http.StatusPreconditionRequired},
		"another version":   {`"x"`, body, "changed_meanwhile", http.StatusPreconditionFailed},
		"no colour":         {"*", strings.Replace(body, "#0F766E", "red;}", 1), "body.primary", http.StatusUnprocessableEntity},
		"no address":        {"*", strings.Replace(body, "help@acme.example", "javascript:alert(1)", 1), "body.support", http.StatusUnprocessableEntity},
		"another tenant":    {"*", strings.Replace(body, `{"title"`, `{"tenant":"bravo","title"`, 1), "body.tenant", http.StatusUnprocessableEntity},
	} {
		if status, text := admin.put(path, c.etag, c.body); status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	before := admin.etag(path)
	if status, text := admin.put(path, before, body); status != http.StatusOK || !strings.Contains(text, `"primary":"#0f766e"`) {
		t.Fatalf("%d %s", status, text)
	}
	if status, _ := s.people["owner"].put(path, before, body); status != http.StatusPreconditionFailed {
		t.Errorf("a change of what was there before: %d", status)
	}
	if got := s.shown(t, "acme"); got.Title != "Labs of Acme" || got.Primary != "#0f766e" || !got.Own {
		t.Errorf("acme looks like %+v", got)
	}
	if got := s.shown(t, "bravo"); got.Title != "bravo" || got.Own {
		t.Errorf("bravo looks like %+v", got)
	}
	if status, text := stranger.put(path, "*", strings.Replace(body, "Acme", "Bravo", 1)); status != http.StatusOK || strings.Contains(text, "Acme") {
		t.Errorf("bravo's own: %d %s", status, text)
	}
	if got := s.shown(t, "acme").Title; got != "Labs of Acme" {
		t.Errorf("bravo changes acme to %s", got)
	}
	if status, _ := stranger.put(s.url+"/v1/operator/brand", "*", body); status != http.StatusForbidden {
		t.Errorf("an owner changes the provider's brand: %d", status)
	}
	exec(t, owner, `update control.tenant set tier = 'basic' where name = 'acme'`)
	for deadline := time.Now().Add(patience); s.shown(t, "acme").Own; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a plan without brands shows one")
		}
	}
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		status, text := admin.put(path, "*", body)
		if status == http.StatusForbidden && strings.Contains(text, "plan_feature") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a plan without brands takes one: %d %s", status, text)
		}
	}
}

// A logo is served as nothing but a picture, whatever its file was, until it is removed.
func TestLogosAreServedAsPicturesAlone(t *testing.T) {
	t.Parallel()
	s := newOwnerStage(t)
	owner, err := server.DatabaseURL(s.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, owner, `update control.tenant set tier = 'standard'`)
	path, admin := s.url+"/v1/tenant/brand/logo", s.people["admin"]
	shown := image.NewNRGBA(image.Rect(0, 0, 40, 40))
	for i := range 1600 {
		shown.Set(i%40, i/40, color.NRGBA{200, 30, 30, 255})
	}
	var file bytes.Buffer
	if err := png.Encode(&file, shown); err != nil {
		t.Fatal(err)
	}
	polyglot := append(file.Bytes(), "<!doctype html><script>alert(document.domain)</script>"...)
	send := func(content []byte) (int, string) {
		return admin.put(path, "*", `{"file":"`+base64.StdEncoding.EncodeToString(content)+`"}`)
	}
	for name, c := range map[string]struct {
		content []byte
		status  int
	}{
		"a page":              {[]byte("<!doctype html><script>alert(1)</script>"), http.StatusUnprocessableEntity},
		"an SVG":              {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), http.StatusUnprocessableEntity},
		"nothing":             {nil, http.StatusUnprocessableEntity},
		"more than it may be": {make([]byte, 513<<10), http.StatusUnprocessableEntity},
		"far more than that":  {make([]byte, 2<<20), http.StatusRequestEntityTooLarge},
	} {
		if status, text := send(c.content); status != c.status {
			t.Errorf("%s: %d %.300s", name, status, text)
		}
	}
	if status, text := send(polyglot); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	address := s.url + s.shown(t, "acme").Logo.Path
	res, text := fetch(t, address)
	h := res.Header
	if res.StatusCode != http.StatusOK || h.Get("Content-Type") != "image/png" || h.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || !strings.Contains(h.Get("Cache-Control"), "immutable") || strings.Contains(text, "script") {
		t.Errorf("%s: %d %v", address, res.StatusCode, h)
	}
	if res := admin.send(http.MethodDelete, path, ""); res.StatusCode != http.StatusNoContent {
		t.Errorf("remove: %d", res.StatusCode)
	}
	if res, _ := fetch(t, address); res.StatusCode != http.StatusNotFound {
		t.Errorf("a removed logo: %d", res.StatusCode)
	}
	if res, _ := fetch(t, s.url+"/brand/passwd.png"); res.StatusCode != http.StatusNotFound {
		t.Errorf("a file that is no picture: %d", res.StatusCode)
	}
}
