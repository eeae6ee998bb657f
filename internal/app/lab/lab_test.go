package lab_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// fixture is a lab service on a database of its own, with the real permissions.
type fixture struct {
	db   *dbtest.Database
	labs *lab.Service
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	d := dbtest.New(t)
	return fixture{db: d, labs: &lab.Service{DB: d.Role(policy.Authorize)}}
}

// tree is a small valid lab; changes replace or add files.
func tree(slug, title string, tags []string, changes map[string]string) manifest.Tree {
	files := map[string]string{
		"lab.yaml": fmt.Sprintf(`apiVersion: cloudkida/v1
slug: %s
title: %s
summary: Learn something about %s.
level: intermediate
duration: 30m
tags: [%s]
environment:
  machines: [{name: shell, image: toolbox, ports: [{name: web, port: 8080}]}]
requires: [git]
steps:
  - {title: First, text: steps/01.md, checks: [{name: done, run: check.sh}], hints: [{text: steps/hint.md, cost: 2}], points: 7}
  - {title: Second, text: steps/01.md, points: 3}
`, slug, title, title, strings.Join(tags, ", ")),
		"steps/01.md":   "Open {{port:web}}.\n",
		"steps/hint.md": "Look *closer*.\n",
		"check.sh":      "test -e ~/done\n",
	}
	maps.Copy(files, changes)
	t := manifest.Tree{}
	for name, text := range files {
		t[name] = manifest.Entry{Data: []byte(text)}
	}
	return t
}

func publish(t *testing.T, f fixture, ctx context.Context, tree manifest.Tree) lab.Published { //nolint:revive // t comes first in tests
	t.Helper()
	out, err := f.labs.Publish(ctx, tree)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPublishMakesVersionsThatNeverChange(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	author := f.db.Default(t, tenancy.RoleAuthor)

	first := publish(t, f, author, tree("dns", "Names", []string{"net"}, nil))
	if first != (lab.Published{Slug: "dns", Version: 1, Created: true}) {
		t.Fatalf("first publication: %+v", first)
	}
	if again := publish(t, f, author, tree("dns", "Names", []string{"net"}, nil)); again.Created || again.Version != 1 {
		t.Errorf("the same content again: %+v, want version 1, not created", again)
	}
	v1, err := f.labs.Latest(author, "dns")
	if err != nil {
		t.Fatal(err)
	}
	if second := publish(t, f, author, tree("dns", "More names", []string{"net"}, nil)); second.Version != 2 || !second.Created {
		t.Errorf("changed content: %+v, want version 2", second)
	}
	v2, err := f.labs.Latest(author, "dns")
	if err != nil {
		t.Fatal(err)
	}
	if v2.Number != 2 || v2.Manifest.Title != "More names" || v2.LabID != v1.LabID {
		t.Errorf("latest: number %d, title %q", v2.Number, v2.Manifest.Title)
	}
	old, err := f.labs.VersionByID(author, v1.ID)
	if err != nil || old.Manifest.Title != "Names" || old.Number != 1 {
		t.Errorf("the first version is now %+v, %v", old, err)
	}
	// Back to the first content: a version of its own, so that the latest is what was pushed last.
	if third := publish(t, f, author, tree("dns", "Names", []string{"net"}, nil)); third.Version != 3 || !third.Created {
		t.Errorf("old content again: %+v, want version 3", third)
	}
	err = f.labs.DB.InTenant(author, policy.LabWrite, func(tx pgx.Tx) error {
		_, err := tx.Exec(author, `update lab_version set number = 9`)
		return err
	})
	if err == nil {
		t.Error("the application may change a published version")
	}
}

func TestPublishLeavesAnAuditEntry(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	author := f.db.Default(t, tenancy.RoleAuthor)
	publish(t, f, author, tree("dns", "Names", nil, nil))
	publish(t, f, author, tree("dns", "Names", nil, nil))
	list, err := db.ReadInTenant(author, f.labs.DB, policy.LabRead,
		`select target || ' ' || (detail->>'version') from audit_entry where action = 'lab.published'`, nil, pgx.RowTo[string])
	if err != nil || len(list) != 1 || list[0] != "dns 1" {
		t.Errorf("audit: %v, %v; want one entry for version 1", list, err)
	}
}

func TestVersionHasAllThatASessionNeeds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	author := f.db.Default(t, tenancy.RoleAuthor)
	content := tree("dns", "Names", nil, nil)
	publish(t, f, author, content)
	v, err := f.labs.Latest(f.db.Default(t, tenancy.RoleLearner), "dns")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(v.Manifest.Steps[0].Checks[0].Run); got != "test -e ~/done\n" {
		t.Errorf("check script: %q", got)
	}
	if v.Manifest.Tree().Hash() != content.Hash() {
		t.Error("the files are not those that were published")
	}
	if want := `<p>Open <a data-port="web" href="#">web</a>.</p>` + "\n"; v.Guide[0].HTML != want {
		t.Errorf("guide: %q, want %q", v.Guide[0].HTML, want)
	}
	if h := v.Guide[0].Hints[0]; h.Cost != 2 || h.HTML != "<p>Look <em>closer</em>.</p>\n" {
		t.Errorf("hint: %+v", h)
	}
	again, err := f.labs.VersionByID(author, v.ID)
	if err != nil || again != v {
		t.Errorf("a version is opened twice: %v", err)
	}
}

func TestPublishReportsEveryProblem(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	author := f.db.Default(t, tenancy.RoleAuthor)
	broken := tree("dns", "Names", nil, map[string]string{"steps/01.md": "{{port:wbe}}\n"})
	delete(broken, "check.sh")
	_, err := f.labs.Publish(author, broken)
	var e *errs.Error
	if !errors.As(err, &e) || e.Kind != errs.KindInvalid {
		t.Fatalf("got %v, want an invalid lab", err)
	}
	var at []string
	for _, field := range e.Fields {
		at = append(at, field.Path)
	}
	if got := strings.Join(at, " "); got != "lab.yaml:12 steps/01.md:1" {
		t.Errorf("problems at %q: %+v", got, e.Fields)
	}
}

func TestLearnersCannotPublish(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, role := range []tenancy.Role{tenancy.RoleLearner, tenancy.RoleInstructor} {
		_, err := f.labs.Publish(f.db.Default(t, role), tree("dns", "Names", nil, nil))
		if errs.KindOf(err) != errs.KindForbidden {
			t.Errorf("%s: %v, want forbidden", role, err)
		}
	}
	if _, err := f.labs.Publish(t.Context(), tree("dns", "Names", nil, nil)); errs.KindOf(err) != errs.KindUnauthenticated {
		t.Errorf("without a scope: %v", err)
	}
}

func TestAnotherTenantSeesNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	author := f.db.Default(t, tenancy.RoleAuthor)
	stranger := f.db.Tenant(t, "acme", tenancy.RoleOwner)
	publish(t, f, author, tree("dns", "Names", []string{"net"}, nil))
	v, err := f.labs.Latest(author, "dns") // it is in the cache from here on
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.labs.Get(stranger, "dns"); !errors.Is(err, lab.ErrNotFound) {
		t.Errorf("get: %v, want not found", err)
	}
	if _, err := f.labs.VersionByID(stranger, v.ID); !errors.Is(err, lab.ErrNotFound) {
		t.Errorf("version: %v, want not found", err)
	}
	labs, _, err := f.labs.List(stranger, lab.Filter{Limit: 10})
	if err != nil || len(labs) != 0 {
		t.Errorf("list: %v, %v", labs, err)
	}
	tags, err := f.labs.Tags(stranger, lab.Filter{Limit: 10})
	if err != nil || len(tags) != 0 {
		t.Errorf("tags: %v, %v", tags, err)
	}
	// The same slug is free there, and begins with version 1.
	if out := publish(t, f, stranger, tree("dns", "Ours", nil, nil)); out.Version != 1 || !out.Created {
		t.Errorf("the other tenant's own lab: %+v", out)
	}
	if l, err := f.labs.Get(author, "dns"); err != nil || l.Title != "Names" {
		t.Errorf("the first tenant's lab: %+v, %v", l, err)
	}
}

func TestConcurrentPublicationsFollowEachOther(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	author := f.db.Default(t, tenancy.RoleAuthor)
	const many = 6
	results := make(chan error, many)
	for i := range many {
		go func() {
			_, err := f.labs.Publish(author, tree("dns", fmt.Sprintf("Title %d", i), nil, nil))
			results <- err
		}()
	}
	for range many {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if l, err := f.labs.Get(author, "dns"); err != nil || l.Version != many {
		t.Errorf("after %d publications: version %d, %v", many, l.Version, err)
	}
}

func TestCatalogueFindsAndPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	author := f.db.Default(t, tenancy.RoleAuthor)
	publish(t, f, author, tree("pipes", "Pipes and text processing", []string{"linux", "shell"}, nil))
	publish(t, f, author, tree("perms", "File permissions", []string{"linux", "security"}, nil))
	publish(t, f, author, tree("sql", "Queries", []string{"data"}, nil))
	find := func(f2 lab.Filter) string {
		t.Helper()
		f2.Limit = 10
		labs, _, err := f.labs.List(author, f2)
		if err != nil {
			t.Fatal(err)
		}
		slugs := make([]string, len(labs))
		for i := range labs {
			slugs[i] = labs[i].Slug
		}
		return strings.Join(slugs, " ")
	}
	for _, c := range []struct {
		name   string
		filter lab.Filter
		want   string
	}{
		{"all by title", lab.Filter{}, "perms pipes sql"},
		{"beginning of a word", lab.Filter{Query: "perm"}, "perms"},
		{"two words", lab.Filter{Query: "TEXT pip"}, "pipes"},
		{"another form of the word", lab.Filter{Query: "query"}, "sql"},
		{"a tag as a word", lab.Filter{Query: "secur"}, "perms"},
		{"nothing like it", lab.Filter{Query: "kubernetes"}, ""},
		{"operators are text", lab.Filter{Query: `file & ! | ( ) : * ' \`}, "perms"},
		{"no word at all", lab.Filter{Query: `&&&`}, "perms pipes sql"},
		{"a tag", lab.Filter{Tag: "linux"}, "perms pipes"},
		{"a tag and a word", lab.Filter{Tag: "linux", Query: "pipes"}, "pipes"},
		{"a level", lab.Filter{Level: manifest.Intermediate}, "perms pipes sql"},
		{"another level", lab.Filter{Level: manifest.Advanced}, ""},
	} {
		if got := find(c.filter); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	tags, err := f.labs.Tags(author, lab.Filter{Tag: "data"})
	if err != nil || fmt.Sprint(tags) != "[{linux 2} {data 1} {security 1} {shell 1}]" {
		t.Errorf("tags: %v, %v", tags, err)
	}
}

func TestSeedPublishesOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	files := fstest.MapFS{"README.md": {Data: []byte("not a lab")}}
	for name, e := range tree("dns", "Names", nil, nil) {
		files["dns/"+name] = &fstest.MapFile{Data: e.Data, Mode: 0o444}
	}
	for range 2 {
		if err := f.labs.Seed(t.Context(), tenancy.DefaultTenant(), files); err != nil {
			t.Fatal(err)
		}
	}
	l, err := f.labs.Get(f.db.Default(t, tenancy.RoleLearner), "dns")
	if err != nil || l.Version != 1 || l.Points != 10 || l.DurationSeconds != 1800 || len(l.Steps) != 2 || l.Ports[0].Port != 8080 {
		t.Errorf("after two starts: %+v, %v", l, err)
	}
	files["dns/steps/01.md"].Data = []byte("{{port:none}}")
	if err := f.labs.Seed(t.Context(), tenancy.DefaultTenant(), files); err == nil || !strings.Contains(err.Error(), "publish lab dns") {
		t.Errorf("a broken lab: %v", err)
	}
}

func TestSampleLabsSeed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.labs.Seed(t.Context(), tenancy.DefaultTenant(), os.DirFS("../../../labs")); err != nil {
		t.Fatal(err)
	}
	learner := f.db.Default(t, tenancy.RoleLearner)
	labs, _, err := f.labs.List(learner, lab.Filter{Limit: 100})
	if err != nil || len(labs) == 0 {
		t.Fatalf("catalogue: %d labs, %v", len(labs), err)
	}
	for _, l := range labs {
		v, err := f.labs.Latest(learner, l.Slug)
		if err != nil || len(v.Guide) != len(l.Steps) {
			t.Errorf("%s: %d steps, %v", l.Slug, len(v.Guide), err)
		}
	}
}

func TestPackedTwiceIsTheSame(t *testing.T) {
	t.Parallel()
	a, err := tree("dns", "Names", nil, nil).Pack()
	if err != nil {
		t.Fatal(err)
	}
	b, err := tree("dns", "Names", nil, nil).Pack()
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("two archives of one lab differ: %v", err)
	}
}
