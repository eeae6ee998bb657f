package manifest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew") //nolint:gochecknoglobals // flags are

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (go test -update writes it anew)\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

func TestEveryKey(t *testing.T) {
	t.Parallel()
	lab, problems := manifest.Load(os.DirFS("testdata/everything"))
	for _, p := range problems {
		t.Error(p)
	}
	text, err := json.MarshalIndent(lab, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "everything.json", string(text)+"\n")
	if got := fmt.Sprint(lab.Variables()); got != "[PASSWORD]" {
		t.Errorf("variables %s, want PASSWORD", got)
	}
	if lab.Points() != 10 || !lab.HasSetup() || len(lab.Ports()) != 2 {
		t.Errorf("points %d, setup %t, ports %v", lab.Points(), lab.HasSetup(), lab.Ports())
	}
	if c, ok := lab.Check(0, "service-answers"); !ok || c.Timeout != 10*time.Second || c.Machine != "shell" {
		t.Errorf("check with defaults: %+v, %t", c, ok)
	}
	if _, ok := lab.Check(2, "file-exists"); ok {
		t.Error("found a check in a step that is not there")
	}
}

// TestMistakes has one lab for each kind of mistake; its golden file is what an author sees.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mistakes", "types", "texts", "needs"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := manifest.Load(os.DirFS(filepath.Join("testdata", name)))
			golden(t, name+".txt", problems.Error()+"\n")
		})
	}
}

// valid is the smallest lab; changes replace files, and "" removes one.
func valid(changes map[string]string) fstest.MapFS {
	files := map[string]string{
		"lab.yaml":      minimal,
		"steps/01.md":   "Do it.\n",
		"check.sh":      "true\n",
		"files/a/b.txt": "b\n",
	}
	maps.Copy(files, changes)
	fsys := fstest.MapFS{}
	for name, text := range files {
		if text != "" {
			fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		}
	}
	return fsys
}

const minimal = `apiVersion: cloudkida/v1
slug: minimal
title: Minimal
summary: The smallest lab.
duration: 30m
environment:
  machines: [{name: shell, image: toolbox}]
steps:
  - title: One
    text: steps/01.md
    checks: [{name: done, run: check.sh}]
`

func TestDefaults(t *testing.T) {
	t.Parallel()
	lab, problems := manifest.Load(valid(nil))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if lab.Level != manifest.Beginner || lab.Layout != "terminals" || !slices.Equal(lab.Locales, []string{"en"}) || lab.Environment.Network != "none" {
		t.Errorf("%+v", lab)
	}
	if lab.HasSetup() {
		t.Error("a lab without setup has one")
	}
}

func TestWhatALabCannotBe(t *testing.T) {
	t.Parallel()
	change := func(from, to string) map[string]string {
		if !strings.Contains(minimal, from) {
			t.Fatalf("no %q in the minimal lab", from)
		}
		return map[string]string{"lab.yaml": strings.Replace(minimal, from, to, 1)}
	}
	for name, c := range map[string]struct {
		changes map[string]string
		want    string
	}{
		"no lab.yaml":       {map[string]string{"lab.yaml": ""}, "there is no lab.yaml: is this the directory of a lab?"},
		"empty":             {map[string]string{"lab.yaml": "# later\n"}, "lab.yaml: is empty"},
		"a list":            {map[string]string{"lab.yaml": "- a\n"}, "lab.yaml:1:1: expected the lab with keys and values, found a list"},
		"syntax":            {map[string]string{"lab.yaml": "slug: x\ntitle: [a\nsummary: b\n"}, "lab.yaml:3:8: is not YAML: did not find expected ',' or ']'"},
		"tab":               {map[string]string{"lab.yaml": "slug: x\nenvironment:\n\tmachines: []\n"}, "lab.yaml:3:1: is not YAML: found character that cannot start any token"},
		"two documents":     {map[string]string{"lab.yaml": minimal + "---\nslug: other\n"}, "lab.yaml: is not YAML: expected single document, found multiple"},
		"alias":             {change("title: One", "title: &t One\n    setup: *t"), "lab.yaml:10:12: aliases (*t) are not supported: write the value out"},
		"merge key":         {change("title: One", "<<: {title: One}"), `unknown key "<<" in a step`},
		"huge manifest":     {map[string]string{"lab.yaml": "#" + strings.Repeat("x", 300<<10)}, "lab.yaml: is larger than 256 KiB"},
		"huge script":       {map[string]string{"check.sh": "true\n" + strings.Repeat("#", 300<<10)}, "check.sh is larger than 256 KiB"},
		"no steps":          {map[string]string{"lab.yaml": minimal[:strings.Index(minimal, "steps:")] + "steps: []\n"}, "a lab needs at least one step"}, //nolint:gocritic // minimal has steps
		"no machine":        {change("[{name: shell, image: toolbox}]", "[]"), "a lab needs a machine"},
		"two machines":      {change("image: toolbox}", "image: toolbox}, {name: db, image: toolbox}"), "more than one machine: not available in this version"},
		"control character": {change("title: Minimal", `title: "a\u0007b"`), "must be one line without control characters"},
		"negative duration": {change("30m", "-30m"), "-30m is out of range: 5m to 12h"},
		"overflowing size":  {change("toolbox}", "toolbox, memory: 9999999999999Gi}"), `"9999999999999Gi" is not a size`},
		"not a number":      {change("toolbox}", "toolbox, cpu: .nan}"), "is not a number of cores"},
		"port as text":      {change("toolbox}", `toolbox, ports: [{name: web, port: "80"}]}`), "expected a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab, problems := manifest.Load(valid(c.changes))
			if !strings.Contains(problems.Error(), c.want) {
				t.Errorf("got:\n%v\nwant %q", problems, c.want)
			}
			if lab == nil {
				t.Error("no lab at all")
			}
		})
	}
}

func TestTheDirectoryIsBounded(t *testing.T) {
	t.Parallel()
	many := valid(nil)
	for i := range manifest.MaxFiles {
		many[fmt.Sprintf("files/%04d", i)] = &fstest.MapFile{Data: []byte("x")}
	}
	large := valid(nil)
	large["files/zero"] = &fstest.MapFile{Data: make([]byte, manifest.MaxBytes)}
	strange := valid(nil)
	strange["files/a\nb"] = &fstest.MapFile{}
	strange["files/"+strings.Repeat("long/", 60)+"name"] = &fstest.MapFile{}
	pipe := valid(nil)
	pipe["files/pipe"] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"files":   {many, "the lab has more than 2000 files"},
		"bytes":   {large, "files/zero: the lab is larger than 16 MiB with this file"},
		"names":   {strange, `the file name "files/a\nb" has characters that not every system takes`},
		"length":  {strange, "is too long"},
		"special": {pipe, "files/pipe: is not a plain file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, problems := manifest.Load(c.files); !strings.Contains(problems.Error(), c.want) {
				t.Errorf("got:\n%v\nwant %q", problems, c.want)
			}
		})
	}
}

func TestSymbolicLinksAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, valid(nil)); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"steps/out.md": "/etc/passwd", "files/in": "../check.sh"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, problems := manifest.Load(os.DirFS(dir))
	if len(problems) != 2 || problems[0].File != "files/in" || problems[1].File != "steps/out.md" {
		t.Errorf("got:\n%v\nwant both links", problems)
	}
}

func TestToolsLeftoversAreIgnored(t *testing.T) {
	t.Parallel()
	plain, _ := manifest.ReadTree(valid(nil))
	left, problems := manifest.ReadTree(valid(map[string]string{".git/config": "x", ".DS_Store": "x", "files/.DS_Store": "x"}))
	if len(problems) > 0 || left.Hash() != plain.Hash() {
		t.Errorf("%v, %v", left.Paths(), problems)
	}
}

func TestHashKnowsContentAndMode(t *testing.T) {
	t.Parallel()
	tree := func(name, text string, executable bool) manifest.Tree {
		return manifest.Tree{name: {Data: []byte(text), Executable: executable}}
	}
	base := tree("a", "x", false)
	if base.Hash() != tree("a", "x", false).Hash() {
		t.Error("equal trees have different hashes")
	}
	for name, other := range map[string]manifest.Tree{"content": tree("a", "y", false), "name": tree("b", "x", false), "mode": tree("a", "x", true)} {
		if base.Hash() == other.Hash() {
			t.Errorf("another %s has the same hash", name)
		}
	}
}

func TestOrderedPutsNeedsFirst(t *testing.T) {
	t.Parallel()
	s := manifest.Step{Checks: []manifest.Check{{Name: "c", Needs: []string{"b"}}, {Name: "b", Needs: []string{"a"}}, {Name: "a"}, {Name: "d"}}}
	var names []string
	for _, c := range s.Ordered() {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, ""); got != "adbc" && got != "abcd" && got != "abdc" && got != "dabc" {
		t.Errorf("order %q", got)
	}
}
