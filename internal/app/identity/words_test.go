package identity_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

func TestPagesAndMailSpeakTheReadersLanguage(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, c := e.browser(), e.client()
	hindi := oauth2.SetAuthURLParam("ui_locales", "fr-CA hi")
	page := b.get(c.url(hindi, create()))
	if !strings.Contains(page.body, `<html lang="hi" dir="ltr">`) || !strings.Contains(page.body, "अपना खाता बनाएँ") || !strings.Contains(page.body, `lang="en" hreflang="en">English</a>`) {
		t.Fatalf("%s", page.body)
	}
	if v := b.submit(page, "name", "Asha", "email", "nobody"); !strings.Contains(v.body, "यह ई-मेल पता नहीं है") {
		t.Errorf("an error in another language: %s", v.body)
	}
	c.code(e.signUp(b, page, "Asha", "asha@example.com", goodPassword))
	if m := e.box.last(t); m.Subject != "अपना ई-मेल पता पक्का करें" || !strings.Contains(m.HTML, `lang="hi"`) {
		t.Errorf("mail %q", m.Subject)
	}
	other := e.browser() // says nothing of its language, but the account does
	other.submit(other.get("/pools/default/forgot"), "email", "asha@example.com")
	if m := e.box.last(t); m.Subject != "नया पासवर्ड चुनें" {
		t.Errorf("mail %q", m.Subject)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.server.URL+"/pools/default/forgot", nil)
	if err != nil {
		t.Fatal(err)
	}
	for wish, want := range map[string]string{"hi-IN,en;q=0.5": "hi", "en,hi": "en", "fr": "en", "x;;;": "en", "": "en"} {
		r.Header.Set("Accept-Language", wish)
		if v := other.do(r); !strings.Contains(v.body, `<html lang="`+want+`"`) {
			t.Errorf("Accept-Language %q: want %s", wish, want)
		}
	}
}
