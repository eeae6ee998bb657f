package letter_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/net/html"

	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/letter/lettertest"
)

func book(t testing.TB) *letter.Book {
	t.Helper()
	b, err := letter.NewBook()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func kind(t testing.TB, name string) letter.Kind {
	t.Helper()
	k, ok := letter.KindNamed(name)
	if !ok {
		t.Fatal("no letter " + name)
	}
	return k
}

// draft is a letter of a kind with samples in it.
func draft(k letter.Kind, locales ...string) letter.Draft {
	return letter.Draft{Kind: k.Name, Tenant: uuid.New(), To: "ada@example.org", Values: k.Samples(), Locales: locales}
}

func texts(t *testing.T, locale string) map[string]string {
	t.Helper()
	content, err := os.ReadFile("text/" + locale + ".json")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	if err := json.Unmarshal(content, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryTextIsInEveryLanguageAndFillsInTheSame(t *testing.T) {
	t.Parallel()
	filler := regexp.MustCompile(`{{[^}]*}}`)
	english := texts(t, "en")
	for _, l := range book(t).Locales()[1:] {
		others := texts(t, l.Tag())
		for key, text := range english {
			other, ok := others[key]
			if !ok || other == "" {
				t.Errorf("%s lacks %s", l.Tag(), key)
				continue
			}
			if other == text {
				t.Errorf("%s of %s is not translated: %s", key, l.Tag(), text)
			}
			want, got := filler.FindAllString(text, -1), filler.FindAllString(other, -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s of %s fills in %q, want %q", key, l.Tag(), got, want)
			}
		}
		for key := range others {
			if _, ok := english[key]; !ok {
				t.Errorf("%s has %s, which nothing says", l.Tag(), key)
			}
		}
	}
}

func TestEveryTextIsOfALetter(t *testing.T) {
	t.Parallel()
	for key := range texts(t, "en") {
		of := strings.HasPrefix(key, "letter.") || key == "language.name"
		for _, k := range letter.Kinds() {
			rest, found := strings.CutPrefix(key, k.Name+".")
			of = of || found && slices.Contains([]string{"subject", "title", "text", "text2", "button", "closing", "closing2"}, rest)
		}
		if !of {
			t.Errorf("no letter says %s", key)
		}
	}
}

// What the program says itself passes what is asked of organisations' own words, and says all that is required.
func TestEveryLetterReadsTheSameBothWays(t *testing.T) {
	t.Parallel()
	b := book(t)
	w := lettertest.Writer(nil, "Ada & <Co>")
	for _, k := range letter.Kinds() {
		for _, l := range b.Locales() {
			s := b.Source(k, l.Tag())
			if s.Subject == "" || s.Text == "" || s.HTML == "" || strings.Contains(s.Subject+s.Text+s.HTML, k.Name+".") {
				t.Errorf("%s in %s has not all of its texts: %+v", k.Name, l.Tag(), s)
			}
			if problems := s.Check(k); len(problems) > 0 {
				t.Errorf("%s in %s: %v", k.Name, l.Tag(), problems)
			}
			m, err := w.Write(t.Context(), draft(k, l.Tag()))
			if err != nil {
				t.Errorf("%s in %s: %v", k.Name, l.Tag(), err)
				continue
			}
			if strings.Contains(m.Subject+m.Text+m.HTML, "{{") || strings.Contains(m.HTML, "ZgotmplZ") || m.Locale != l.Tag() || m.Kind != k.Name {
				t.Errorf("%s in %s is not filled in: %+v", k.Name, l.Tag(), m)
			}
			if !strings.Contains(m.HTML, `lang="`+l.Tag()+`"`) || !strings.Contains(m.HTML, "Ada &amp; &lt;Co&gt;") || !strings.Contains(m.Text, "Ada & <Co>") {
				t.Errorf("%s in %s has no frame: %s", k.Name, l.Tag(), m.HTML)
			}
			for _, v := range k.Variables {
				if v.Required && (!strings.Contains(m.Text, v.Sample) || !strings.Contains(m.HTML, v.Sample)) {
					t.Errorf("%s in %s lacks %s: %s", k.Name, l.Tag(), v.Name, m.HTML)
				}
			}
			if k.Name == "invitation" && !strings.Contains(m.HTML, "background-color: #5151cd") {
				t.Errorf("the button has no colour: %s", m.HTML)
			}
		}
	}
}

func TestTheLanguageIsTheReadersElseTheOrganisationsElseTheInstallations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reader, tenant, installation, want string
	}{
		{"hi-IN,hi;q=0.9,en;q=0.8", "en", "en", "hi"}, {"en", "hi", "hi", "en"}, {"fr", "hi", "en", "hi"}, {"", "hi", "en", "hi"},
		{"", "", "hi", "hi"}, {"", "", "", "en"}, {"xx;q=\x00", "", "hi", "hi"},
	} {
		w := lettertest.Writer(nil, "")
		w.Locale = c.installation
		w.Voice = func(context.Context, uuid.UUID) (letter.Voice, error) {
			return letter.Voice{Name: "Acme", Locale: c.tenant}, nil
		}
		m, err := w.Write(t.Context(), draft(kind(t, "invitation"), c.reader))
		if err != nil || m.Locale != c.want {
			t.Errorf("%+v: %s, %v", c, m.Locale, err)
		}
	}
}

func TestWhatPeopleTypedIsNoParagraphOfOurs(t *testing.T) {
	t.Parallel()
	w := lettertest.Writer(nil, "Acme")
	for name, value := range map[string]string{
		"script": "javascript:alert(1)", "no host": "https://", "lines": "https://a.example/\n-- \nb", "none": "", "reversed": "https://a.example/\u202e",
	} {
		d := draft(kind(t, "invitation"))
		d.Values["link"] = value
		if m, err := w.Write(t.Context(), d); err == nil {
			t.Errorf("%s: %s", name, m.Text)
		}
	}
	d := draft(kind(t, "invitation"))
	delete(d.Values, "link")
	if _, err := w.Write(t.Context(), d); err == nil {
		t.Error("a letter without its link")
	}
	d.Kind = "unheard-of"
	if _, err := w.Write(t.Context(), d); err == nil {
		t.Error("a letter of no kind")
	}
}

func TestALongNameIsCutInTheSubject(t *testing.T) {
	t.Parallel()
	w := lettertest.Writer(nil, strings.Repeat("ळ", 200))
	m, err := w.Write(t.Context(), draft(kind(t, "invitation")))
	if err != nil || !strings.HasSuffix(m.Subject, "…") {
		t.Errorf("%q, %v", m.Subject, err)
	}
}

func TestOwnWords(t *testing.T) {
	t.Parallel()
	w := lettertest.Writer(nil, "Acme")
	own := letter.Source{
		Subject: "Komm zu {{.tenant}}", Text: "Hier: {{.link}}",
		HTML: `<h2 onclick="x()">Komm</h2><script>alert(1)</script><img src="http://a.example/x.png"><img src="https://a.example/y.png"><p style="position:fixed;color:red">Hier: <a href="{{.link}}" target="_top">{{.tenant}}</a></p><form action="https://evil.example"><input></form>`,
	}
	if problems := own.Check(kind(t, "invitation")); len(problems) > 0 {
		t.Fatal(problems)
	}
	w.Own = func(context.Context, uuid.UUID, string, string) (letter.Source, error) { return own, nil }
	m, err := w.Write(t.Context(), draft(kind(t, "invitation")))
	if err != nil || m.Subject != "Komm zu Acme" || !strings.HasPrefix(m.Text, "Hier: https://labs.example.com/sample#token=sample\n\n-- \nAcme\n") {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range []string{"onclick", "<script", "alert", "http://a.example", "position", "<form", "<input", "target"} {
		if strings.Contains(m.HTML, bad) {
			t.Errorf("%s in %s", bad, m.HTML)
		}
	}
	for _, good := range []string{"<h2>Komm</h2>", `src="https://a.example/y.png"`, "color: red", `href="https://labs.example.com/sample#token=sample"`, "Sent through Cloudkida for Acme."} {
		if !strings.Contains(m.HTML, good) {
			t.Errorf("no %s in %s", good, m.HTML)
		}
	}
	if !strings.Contains(m.Text, "Sent through Cloudkida for Acme.") {
		t.Errorf("the text does not say whose it is: %s", m.Text)
	}
}

// Whoever writes the letter, the reader sees by whom it is: nothing goes on in that line, is drawn over it, or hides it.
func TestOwnWordsDoNotReachWhatStandsBelow(t *testing.T) {
	t.Parallel()
	b, k := book(t), kind(t, "invitation")
	for name, own := range map[string]string{
		"left open":        `<div style="font-size:0;color:#ffffff"><s><small>`,
		"closed too often": `</p></div></div></td></tr></table></body></html><table><tr><td width="1">`,
		"in a table":       `<table><tr><td><table><tr><div style="color:#ffffff">`,
		"pulled up":        `<div style="margin-bottom:-500px;margin: 0 -1px;background-color:#ffffff">x</div>`,
		"too low":          `<div style="height:0px"><p style="height:1px;line-height:0">x</p></div>`,
		"a comment":        `<!-- `,
		"another document": `</body></html><!doctype html><html><body style="display:none">`,
	} {
		source := letter.Source{HTML: `<p><a href="{{.link}}">x</a></p>` + own}
		m, err := b.Write(k, b.Locale("en"), source, letter.Voice{Name: "Evil", Accent: brand.DefaultPrimary}, draft(k))
		if err != nil {
			if len(source.Check(k)) == 0 {
				t.Errorf("%s: %v, and nobody was told", name, err)
			}
			continue
		}
		tree, err := html.Parse(strings.NewReader(m.HTML))
		if err != nil {
			t.Fatal(err)
		}
		var notice *html.Node
		for n := range tree.Descendants() {
			if n.Type == html.TextNode && strings.Contains(n.Data, "Sent through Cloudkida for Evil.") {
				notice = n
			}
		}
		if notice == nil || !strings.HasPrefix(notice.Parent.Attr[0].Val, "margin:24px") || !slices.Contains(notice.Parent.Parent.Attr, html.Attribute{Key: "role", Val: "article"}) ||
			notice.Parent.Parent.Parent.Data != "body" || notice.Parent.Parent.Parent.Parent.Parent != tree {
			t.Errorf("%s: the notice is elsewhere: %s", name, m.HTML)
		}
		for _, bad := range []string{"-500", "-1px", "height:0", "height: 0", "height:1px", "height: 1px"} {
			if strings.Contains(m.HTML, bad) {
				t.Errorf("%s: %s is in %s", name, bad, m.HTML)
			}
		}
	}
}

func TestOwnWordsNeverKeepALetterFromItsReader(t *testing.T) {
	t.Parallel()
	want, err := lettertest.Writer(nil, "Acme").Write(t.Context(), draft(kind(t, "invitation")))
	if err != nil {
		t.Fatal(err)
	}
	for name, own := range map[string]func() (letter.Source, error){
		"a variable that is gone":  func() (letter.Source, error) { return letter.Source{Text: "{{.gone}}"}, nil },
		"a loop":                   func() (letter.Source, error) { return letter.Source{Text: "{{range .}}{{end}}"}, nil },
		"no template":              func() (letter.Source, error) { return letter.Source{Subject: "{{"}, nil },
		"too long when filled in":  func() (letter.Source, error) { return letter.Source{Text: strings.Repeat("{{.link}}", 2000)}, nil },
		"no HTML":                  func() (letter.Source, error) { return letter.Source{HTML: `<a href="{{.link}}`}, nil },
		"a subject of two lines":   func() (letter.Source, error) { return letter.Source{Subject: "a\nb"}, nil },
		"a database that is away":  func() (letter.Source, error) { return letter.Source{}, errors.New("away") },
		"a link that nobody needs": func() (letter.Source, error) { return letter.Source{}, nil },
	} {
		w := lettertest.Writer(nil, "Acme")
		w.Log = slog.New(slog.DiscardHandler)
		w.Own = func(context.Context, uuid.UUID, string, string) (letter.Source, error) { return own() }
		got, err := w.Write(t.Context(), draft(kind(t, "invitation")))
		if err != nil || got.Subject != want.Subject || got.Text != want.Text || got.HTML != want.HTML {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// Letters of the installation, and those that the program alone writes, have nobody else's words.
	for _, name := range []string{"invitation", "invitation.owner"} {
		w := lettertest.Writer(nil, "Acme")
		w.Own = func(context.Context, uuid.UUID, string, string) (letter.Source, error) {
			return letter.Source{Subject: "Mine"}, nil
		}
		d := draft(kind(t, name))
		if name == "invitation" {
			d.Tenant = uuid.Nil
		}
		if m, err := w.Write(t.Context(), d); err != nil || m.Subject == "Mine" {
			t.Errorf("%s: %q, %v", name, m.Subject, err)
		}
	}
}

func TestBrokenWordsAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	link := `<a href="{{.link}}">x</a>`
	for name, c := range map[string]struct {
		source     letter.Source
		path, says string
	}{
		"unknown variable":   {letter.Source{Text: "{{.link}} {{.password}}"}, "text", "{{.password}}"},
		"no link":            {letter.Source{Text: "Come in"}, "text", "{{.link}} is missing"},
		"a link as text":     {letter.Source{HTML: "<p>{{.link}}</p>"}, "html", `<a href="{{.link}}">`},
		"link in a script":   {letter.Source{HTML: `<script>location="{{.link}}"</script>`}, "html", "link is missing"},
		"secret in subject":  {letter.Source{Subject: "{{.link}}"}, "subject", "lets its reader in"},
		"loop":               {letter.Source{Text: "{{.link}}{{range .x}}{{end}}"}, "text", "loops"},
		"condition":          {letter.Source{HTML: link + "{{if .tenant}}x{{end}}"}, "html", "Conditions"},
		"function":           {letter.Source{Text: `{{.link}}{{printf "%s" .tenant}}`}, "text", "a variable stands"},
		"call":               {letter.Source{Text: `{{.link}}{{html .tenant}}`}, "text", "a variable stands"},
		"the whole":          {letter.Source{Text: "{{.link}}{{.}}"}, "text", "a variable stands"},
		"a field of a field": {letter.Source{Text: "{{.link}}{{.tenant.Name}}"}, "text", "a variable stands"},
		"assignment":         {letter.Source{Text: "{{.link}}{{$x := .tenant}}"}, "text", "a variable stands"},
		"another template":   {letter.Source{Text: `{{.link}}{{define "x"}}{{end}}`}, "text", "templates"},
		"include":            {letter.Source{Text: `{{.link}}{{template "letter"}}`}, "text", "templates"},
		"open braces":        {letter.Source{Text: "{{.link}} {{"}, "text", "double braces"},
		"open tag":           {letter.Source{HTML: link + `<a href="{{.link}}`}, "html", "close every tag"},
		"lines in subject":   {letter.Source{Subject: "a\nBcc: b"}, "subject", "characters"},
		"long subject":       {letter.Source{Subject: strings.Repeat("x", 201)}, "subject", "at most 200"},
		"long text":          {letter.Source{Text: "{{.link}}" + strings.Repeat("x", letter.MaxText)}, "text", "at most"},
		"long HTML":          {letter.Source{HTML: link + strings.Repeat("x", letter.MaxHTML)}, "html", "at most"},
		"no UTF-8":           {letter.Source{Text: "{{.link}}\xff"}, "text", "characters"},
	} {
		problems := c.source.Check(kind(t, "invitation"))
		if len(problems) == 0 || problems[0].Path != c.path || !strings.Contains(problems[0].Message, c.says) {
			t.Errorf("%s: %v", name, problems)
		}
	}
	if problems := (letter.Source{Text: "Your code"}).Check(kind(t, "identity.code")); len(problems) != 1 || !strings.Contains(problems[0].Message, "{{.code}}") {
		t.Error(problems)
	}
}

func TestTheBrandIsInTheLetter(t *testing.T) {
	t.Parallel()
	for colour, text := range map[brand.Colour]string{0xffee00: "#000000", 0x102030: "#ffffff"} {
		w := lettertest.Writer(nil, "")
		w.Voice = func(context.Context, uuid.UUID) (letter.Voice, error) {
			return letter.Voice{Name: "Acme", Provider: "Labs of Ada", Accent: colour, Logo: "https://labs.example/brand/x.png", Ground: "#ffffff", Support: "help@acme.example"}, nil
		}
		m, err := w.Write(t.Context(), draft(kind(t, "invitation")))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"background-color: " + colour.String() + "; color: " + text, `<img src="https://labs.example/brand/x.png" alt="Acme"`, "background:#ffffff",
			"Questions? Write to help@acme.example", "Sent through Labs of Ada for Acme.",
		} {
			if !strings.Contains(m.HTML, want) {
				t.Errorf("no %s in %s", want, m.HTML)
			}
		}
		if !strings.Contains(m.Text, "Questions? Write to help@acme.example") {
			t.Error(m.Text)
		}
	}
}

// Whatever an organisation writes is refused or becomes a letter without anything that runs.
func FuzzSource(f *testing.F) {
	for _, seed := range []string{`<a href="{{.link}}">{{.tenant}}</a>`, `<img src=x onerror=alert(1)>{{.link}}`, `{{define "x"}}`, `<style>{{.accent}}</style>`, `<a href="java&#115;cript:x">`} {
		f.Add(seed)
	}
	k := kind(f, "invitation")
	b := book(f)
	l := b.Locale("en")
	f.Fuzz(func(t *testing.T, html string) {
		s := letter.Source{HTML: html}
		if len(s.Check(k)) > 0 {
			return
		}
		m, err := b.Write(k, l, s, letter.Voice{Name: "Acme"}, draft(k))
		if err != nil {
			return // such as one that grows too long
		}
		_, content, _ := strings.Cut(m.HTML, "</head>")
		for _, bad := range []string{"<script", "<iframe", "<form", "<object", "<style", "href=\"javascript:"} {
			if strings.Contains(strings.ToLower(content), bad) {
				t.Errorf("%s in %s", bad, content)
			}
		}
	})
}
