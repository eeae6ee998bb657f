package registration_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/registration"
)

func TestNames(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(`insert into control.tenant (name, title) values ('morning-star', 'M'), ('wiki10', 'W')`)
	for name, free := range map[string]bool{
		"acme": true, "a-b": true, "a1b": true, "123": true, strings.Repeat("a", 40): true, "example-university": true,
		"": false, "ab": false, "a": false, "-abc": false, "abc-": false, "a--b": false, "xn--abc": false, "Acme": false, "ac me": false,
		"acm\u00e9": false, "\u0430cme": false, "ac.me": false, "ac_me": false, "acme\n": false, "acme\x00": false, "\uff41cme": false, strings.Repeat("a", 41): false,
		"admin": false, "adm1n": false, "ad-min": false, "adrnin": false, "api": false, "apl": false, "a-p-i": false, "www": false, "vvww": false, "wvvw": false,
		"default": false, "defau1t": false, "console": false, "c0nsole": false, "operator": false, "pools": false, "poo1s": false, "labs": false,
		"docs": false, "support": false, "mail": false, "rnail": false, "rna1l": false, "status": false, "cloudkida": false, "c10udkida": false, "cloud-kida": false,
		"undone-acme": false, "undone": false,
		"morning-star": false, "morningstar": false, "moming-star": false, "m0rn1ng-star": false, "wiki10": false, "vviki10": false, "wikiio": false, "wlkllo": false, "wiki11": true,
	} {
		a := f.call(http.MethodGet, "/v1/registrations/names?name="+url.QueryEscape(name), "")
		if strings.Contains(a.body, `"free":true`) != free {
			t.Errorf("%q: %d %s, want free %t", name, a.status, a.body, free)
		}
		r := f.register(uuid.NewString(), strings.Replace(wish("NAME", "ada@example.org", "basic"), `"name":"NAME"`, `"name":`+quote(name), 1))
		if (r.status == http.StatusAccepted) != free {
			t.Errorf("%q: registered: %d %s", name, r.status, r.body)
		}
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer("\n", `\n`, "\x00", `\u0000`).Replace(s) + `"`
}

func TestTheDatabaseHasTheSameSkeletons(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, name := range []string{"acme", "r-n", "rnrn", "v-v-v", "vvv", "0o0", "1il", "r-1n", "vrnv", "a-0-i-b", "warrn-ing"} {
		var got string
		if err := f.db.Control.QueryRow(t.Context(), `select control.name_skeleton($1)`, name).Scan(&got); err != nil || got != registration.Skeleton(name) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, registration.Skeleton(name))
		}
	}
	f.exec(`insert into control.tenant (name, title) values ('first-one', 'F')`)
	if _, err := f.db.Control.Exec(t.Context(), `insert into control.tenant (name, title) values ('f1rst-0ne', 'F')`); err == nil {
		t.Error("the database took a tenant that looks like another")
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for title, kept := range map[string]string{
		"  Example \t University ": "Example University", "E\u0301cole": "\u00c9cole", "\u0909\u0926\u093e\u0939\u0930\u0923": "\u0909\u0926\u093e\u0939\u0930\u0923", "C++ & Co. (\u00a71) \u2014 \u65e5\u672c": "C++ & Co. (\u00a71) \u2014 \u65e5\u672c", "3M": "3M",
		"": "", "   ": "", "\u200b\u200b": "", "Ex\u200bample": "", "Ex\u202eample": "", "Ex\u2066ample": "", "Ex\ufeffample": "", "Ex\u00adample": "", "Ex\x00ample": "", "Ex\x1bample": "",
		"Ex\u2028ample": "Ex ample", "\u3164\u3164": "", "Ex\u115fample": "", "Ex\ufe0fample": "", "\ue000abc": "", "...": "", "\u0301": "", "Ex\U000e0041ample": "",
		"Za" + strings.Repeat("\u0301", 9): "", strings.Repeat("x", 101): "", "Ex\u2800ample": "", "Ex\u034fample": "",
	} {
		body := strings.Replace(wish("acme", "ada@example.org", "basic"), `"title":"Title of acme"`, `"title":`+quoteAll(title), 1)
		a := f.register(uuid.NewString(), body)
		if (a.status == http.StatusAccepted) != (kept != "") {
			t.Errorf("%q: %d %s", title, a.status, a.body)
		}
		if kept != "" && f.count(`select count(*) from control.registration where title = $1`, kept) != 1 {
			t.Errorf("%q is not kept as %q", title, kept)
		}
	}
}

func quoteAll(s string) string {
	return `"` + strings.NewReplacer("\t", `\t`, "\x00", `\u0000`, "\x1b", `\u001b`).Replace(s) + `"`
}
