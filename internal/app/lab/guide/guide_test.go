package guide_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/app/lab/guide"
)

var update = flag.Bool("update", false, "write the golden files anew") //nolint:gochecknoglobals // flags are

const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func names(t *testing.T) guide.Names {
	t.Helper()
	png, err := base64.StdEncoding.DecodeString(dot)
	if err != nil {
		t.Fatal(err)
	}
	return guide.Names{
		Port:    func(name string) bool { return name == "web" },
		Machine: func(name string) bool { return name == "shell" },
		Image: func(reference string) ([]byte, bool) {
			switch reference {
			case "dot.png":
				return png, true
			case "large.png":
				return append(bytes.Clone(png), make([]byte, 600<<10)...), true
			case "text.png":
				return []byte("<script>alert(1)</script>"), true
			}
			return nil, false
		},
	}
}

func render(t *testing.T, source string) string {
	t.Helper()
	html, err := guide.Render([]byte(source), names(t))
	if err != nil {
		t.Fatal(err)
	}
	return html
}

func TestRenderAll(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("testdata/all.md")
	if err != nil {
		t.Fatal(err)
	}
	got := render(t, string(source))
	if *update {
		if err := os.WriteFile("testdata/all.html", []byte(got), 0o600); err != nil { //nolint:gosec // a golden file of this package
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/all.html")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("go test -update writes it anew\ngot:\n%s\nwant:\n%s", got, want)
	}
}

// hostile are texts by which an author might try to run script in a reader's browser, or to reach elsewhere.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`,
		`<img src=x onerror=alert(1)>`,
		`a <b onclick="alert(1)">b</b>`,
		`<iframe src="https://example.com"></iframe>`,
		`<a href="javascript:alert(1)">x</a>`,
		`<style>body{display:none}</style>`,
		`<!-- --><script>alert(1)</script><!-- -->`,
		`<!--><script>alert(1)</script>-->`,
		`<![CDATA[<script>alert(1)</script>]]>`,
		`<?php echo "<script>alert(1)</script>" ?>`,
		`<svg/onload=alert(1)>`,
		"<div>\n\n<script>alert(1)</script>\n\n</div>",
		`[x](javascript:alert(1))`,
		`[x](JaVaScRiPt:alert(1))`,
		`[x](<java script:alert(1)>)`,
		"[x](<java\tscript:alert(1)>)",
		`[x](&#106;avascript:alert(1))`,
		`[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)`,
		`[x](vbscript:msgbox(1))`,
		`[x](//example.com)`,
		`[x](https://example.com/"onmouseover="alert(1))`,
		`[x](https://example.com "a\" onmouseover=\"alert(1)")`,
		`<javascript:alert(1)>`,
		`![x](javascript:alert(1))`,
		`![x](https://example.com/track.png)`,
		`![x"onerror="alert(1)](dot.png)`,
		`![x](dot.png 'a" onerror="alert(1)')`,
		`![x](text.png)`,
		"```\"><script>alert(1)</script>\nx\n```",
		"```sh run on=\"><script>\nx\n```",
		"```sh file=~/\"><script>alert(1)</script>\nx\n```",
		"```sh\n</code></pre><script>alert(1)</script>\n```",
		"`</code><script>alert(1)</script>`",
		"    </code><script>alert(1)</script>",
		`{{env:A"onmouseover=alert(1)}}`,
		`{{port:"><script>alert(1)</script>}}`,
		`[{{port:web}}](https://example.com)`,
		"| a |\n|---|\n| <script>alert(1)</script> |",
		"[x]\n\n[x]: javascript:alert(1)",
		`# <script>alert(1)</script>`,
		"\x00<script>alert(1)</script>",
	}
}

// elements and attributes that the guide may have; everything else is a hole.
var (
	tag       = regexp.MustCompile(`<(/?)([a-zA-Z!?][a-zA-Z0-9]*)([^>]*)>`)
	attribute = regexp.MustCompile(`^(?: (?:(?:class|data-[a-z]+|href|target|rel|src|alt|title|align|start|data-interrupt|data-nocopy)(?:="[^"<>]*")?|/))*$`)
	known     = regexp.MustCompile(`^(?:p|h[1-6]|em|strong|del|code|pre|div|span|a|img|ul|ol|li|table|thead|tbody|tr|th|td|blockquote|hr|br)$`)
	address   = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	allowed   = regexp.MustCompile(`^(?i:#|https?://[^/]|mailto:[^/]|data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,)`)
)

func unsafe(html string) (faults []string) {
	rest := tag.ReplaceAllStringFunc(html, func(found string) string {
		m := tag.FindStringSubmatch(found)
		if !known.MatchString(m[2]) || !attribute.MatchString(m[3]) {
			faults = append(faults, found)
		}
		return ""
	})
	if strings.ContainsAny(rest, "<>") {
		faults = append(faults, "a bare < or > in "+rest)
	}
	for _, m := range address.FindAllStringSubmatch(html, -1) {
		if !allowed.MatchString(m[1]) {
			faults = append(faults, "address "+m[1])
		}
	}
	return faults
}

func TestNothingHostileGetsThrough(t *testing.T) {
	t.Parallel()
	for _, source := range hostile() {
		for _, form := range []string{"%s", "text %s text", "- %s", "> %s"} {
			html := render(t, fmt.Sprintf(form, source))
			for _, fault := range unsafe(html) {
				t.Errorf("%q\ngives %q\nwith  %s", source, html, fault)
			}
		}
	}
}

// TestTheTestSeesHoles keeps unsafe honest: it must find what is planted.
func TestTheTestSeesHoles(t *testing.T) {
	t.Parallel()
	for _, html := range []string{
		`<script>`, `<p onclick="x">`, `<a href="javascript:x">`, `<a href="//example.com">`, `<img src="x.png">`, `<iframe>`, `a < b`, `<p style="x">`,
	} {
		if len(unsafe(html)) == 0 {
			t.Errorf("found nothing in %q", html)
		}
	}
}

func TestExternalLinksOpenElsewhere(t *testing.T) {
	t.Parallel()
	for source, href := range map[string]string{
		"[x](https://example.com)":              "https://example.com",
		"[x](https://example.com/?a=1&amp;b=2)": "https://example.com/?a=1&amp;b=2",
		"[x](https://example.com/?a=1&b=2)":     "https://example.com/?a=1&amp;b=2",
		`[x](https://example.com/a\_b)`:         "https://example.com/a_b",
		"[x](<https://example.com/a b>)":        "https://example.com/a%20b",
		"[x](https://example.com/%C3%A9é)":      "https://example.com/%C3%A9%C3%A9",
	} {
		want := `<p><a href="` + href + `" target="_blank" rel="noopener noreferrer">x</a></p>` + "\n"
		if got := render(t, source); got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}

func TestPicturesAreBounded(t *testing.T) {
	t.Parallel()
	if html := render(t, "![too large](large.png)"); html != "<p>too large</p>\n" {
		t.Errorf("a large picture: %.200q", html)
	}
	found := guide.Lint([]byte("![x](large.png)"), names(t))
	if len(found) != 1 || !strings.Contains(found[0].Message, "larger than 512 KiB") {
		t.Errorf("findings: %v", found)
	}
}

func TestLintFindsNothingInAGoodText(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"```sh run\nls\n```", "```sh run\nls\n```\n", "~~~\na\n~~~", "````md\n```\n````\n", "- x\n\n  ```sh\n  a\n  ```\n", "> ```\n> a\n> ```\n",
		"```\n```\n", "1. a\n   ```sh run on=shell\n   a\n   ```\n2. b\n", "{{port:web}} {{env:X_1}} {{ .Values.a }} {{template}}", "no ``` fence",
		"```sh\r\nls\r\n```\r\n", "   ```sh\n   a\n   ```\n",
	} {
		if found := guide.Lint([]byte(source), names(t)); len(found) > 0 {
			t.Errorf("%q: %v", source, found)
		}
	}
}

func TestScriptIsABlock(t *testing.T) {
	t.Parallel()
	want := `<div class="block" data-kind="copy"><pre><code class="language-sh">echo &#34;&lt;b&gt;&#34;` + "\n</code></pre></div>\n"
	if got := guide.Script("echo \"<b>\"\n\n"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	got := fmt.Sprint(guide.Variables([]byte("{{env:A}} `{{env:B}}` {{env:A}} {{env:1}}\n```\n{{env:C}}\n```")))
	if got != "[A B C]" {
		t.Errorf("got %s", got)
	}
}

// FuzzRender looks that no text makes a hole or a panic.
func FuzzRender(f *testing.F) {
	for _, source := range hostile() {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if faults := unsafe(render(t, source)); len(faults) > 0 {
			t.Errorf("%q: %v", source, faults)
		}
		guide.Lint([]byte(source), names(t))
	})
}
