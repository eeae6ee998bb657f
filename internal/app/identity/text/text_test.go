package text_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/cloudkida/cloudkida/internal/app/identity/text"
	"github.com/cloudkida/cloudkida/internal/platform/words"
)

func catalogue(t *testing.T) *words.Catalogue {
	t.Helper()
	c, err := text.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var filler = regexp.MustCompile(`{{\.[a-z]+}}|<[^>]*>`)

func TestEveryKeyIsInEveryLanguage(t *testing.T) {
	t.Parallel()
	all := catalogue(t).Locales()
	for _, l := range all[1:] {
		if got, want := l.Keys(), all[0].Keys(); !slices.Equal(got, want) {
			for _, key := range want {
				if !slices.Contains(got, key) {
					t.Errorf("%s lacks %s", l.Tag(), key)
				}
			}
			for _, key := range got {
				if !slices.Contains(want, key) {
					t.Errorf("%s has %s, which nothing says", l.Tag(), key)
				}
			}
		}
	}
}

func TestTranslationsFillInTheSame(t *testing.T) {
	t.Parallel()
	all := catalogue(t).Locales()
	fill := func(l words.Locale, key string) []string {
		pairs := []any{"count", 2}
		for _, name := range []string{"email", "code", "tenant", "program", "home", "provider", "brand", "name", "time", "day", "kind", "link"} {
			pairs = append(pairs, name, "{{."+name+"}}")
		}
		found := filler.FindAllString(l.Text(key, pairs...), -1)
		slices.Sort(found)
		return found
	}
	for _, l := range all[1:] {
		for _, key := range l.Keys() {
			if got, want := fill(l, key), fill(all[0], key); !slices.Equal(got, want) {
				t.Errorf("%s of %s fills in %q, want %q", key, l.Tag(), got, want)
			}
		}
	}
}

// Keys of templates, and of code that names them in full.
func TestEveryKeyIsKnownAndUsed(t *testing.T) {
	t.Parallel()
	known := catalogue(t).Locales()[0].Keys()
	named := regexp.MustCompile(`"([a-z][a-zA-Z-]*(?:\.[a-zA-Z-]+)+)"`)
	used := map[string]bool{}
	for _, pattern := range []string{"../page/template/*.html", "../*.go", "../*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`\.(?:T|Rich) "([^"]+)"`).FindAllStringSubmatch(string(content), -1) {
				used[m[1]] = true
				if strings.HasSuffix(file, ".html") && !slices.Contains(known, m[1]) {
					t.Errorf("%s uses the unknown key %s", file, m[1])
				}
			}
			for _, m := range named.FindAllStringSubmatch(string(content), -1) {
				used[m[1]] = true
			}
		}
	}
	for _, key := range known {
		if !used[key] && !strings.HasPrefix(key, "mail.") && !strings.HasPrefix(key, "month.") && !strings.HasPrefix(key, "role.") && !slices.Contains([]string{"or", "optional", "language.name"}, key) {
			t.Errorf("nothing says %s", key)
		}
	}
}

// Words of templates come from the catalogue: what stands between tags is a key, a value or the miniature lab's terminal.
func TestNoTemplateHasWordsOfItsOwn(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../page/template/*.html")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	action, tag := regexp.MustCompile(`{{[^}]*}}`), regexp.MustCompile(`<[^>]*>`)
	pre := regexp.MustCompile(`(?s)<pre>.*?</pre>`)
	attribute := regexp.MustCompile(`(?:aria-label|alt|title|placeholder)="([^"]*)"`)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bare := action.ReplaceAllString(pre.ReplaceAllString(string(content), ""), "")
		for _, m := range attribute.FindAllStringSubmatch(bare, -1) {
			if strings.ContainsFunc(m[1], letter) {
				t.Errorf("%s: %s", file, m[0])
			}
		}
		if left := strings.Fields(tag.ReplaceAllString(bare, " ")); slices.ContainsFunc(left, func(w string) bool { return strings.ContainsFunc(w, letter) }) {
			t.Errorf("%s has words of its own: %q", file, left)
		}
	}
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// What the code says without a key reaches pages by Said. These packages say nothing but to people on pages, or say it to
// clients of the API as well.
func TestEverythingThatPagesCanShowIsTranslated(t *testing.T) {
	t.Parallel()
	l := catalogue(t).Match(language.Hindi.String())
	count := 0
	for _, directory := range []string{"..", "../mailproof", "../factor", "../device", "../federation", "../access", "../address", "../password", "../browser", "../page"} {
		for _, said := range saidIn(t, directory) {
			count++
			if !slices.Contains(l.SaidKeys(), said) {
				t.Errorf("%s: %q: \"\",", directory, said)
			}
		}
	}
	if count < 60 {
		t.Errorf("only %d texts were found", count)
	}
}

// saidIn are the messages of errors, of fields and of checks in a package, with # for numbers.
func saidIn(t *testing.T, directory string) (found []string) {
	t.Helper()
	files, err := filepath.Glob(directory + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || slices.Contains(api(), filepath.Base(file)) {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if of, ok := name.X.(*ast.Ident); ok && of.Name == "errs" && len(n.Args) == 2 {
					found = append(found, literal(n.Args[1])...)
				}
				if name.Sel.Name == "Because" {
					found = append(found, literal(n.Args[0])...)
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Message" {
					found = append(found, literal(n.Value)...)
				}
			case *ast.FuncDecl:
				if strings.HasPrefix(n.Name.Name, "Check") || n.Name.Name == "titleOf" {
					ast.Inspect(n, func(n ast.Node) bool {
						if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == 1 {
							found = append(found, literal(r.Results[0])...)
						}
						return true
					})
				}
			}
			return true
		})
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// api are files whose errors only clients of the API see.
func api() []string { return []string{"http.go", "manage.go", "probe.go", "fresh.go", "demand.go"} }

var verb = regexp.MustCompile(`%d|[0-9]+`)

// literal is a text that people read: a sentence, without what is filled in by words.
func literal(e ast.Expr) []string {
	if call, ok := e.(*ast.CallExpr); ok && len(call.Args) > 0 {
		return literal(call.Args[0])
	}
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return nil
	}
	said, err := strconv.Unquote(lit.Value)
	if err != nil || !strings.HasSuffix(said, ".") && !strings.Contains(said, " ") || strings.Contains(said, "%s") || strings.Contains(said, "%q") {
		return nil
	}
	return []string{verb.ReplaceAllString(said, "#")}
}
