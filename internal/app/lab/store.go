package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/group"
	"github.com/cloudkida/cloudkida/internal/app/lab/guide"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const labColumns = "id, slug, title, summary, level, tags, version, overview, restricted"

func scanLab(row pgx.CollectableRow) (l Lab, err error) {
	err = row.Scan(&l.ID, &l.Slug, &l.Title, &l.Summary, &l.Level, &l.Tags, &l.Version, &l.Overview, &l.restricted)
	return l, err
}

const getSQL = "select " + labColumns + " from lab where slug = @slug and archived_at is null"

// visibleSQL tells of a lab that is restricted to groups whether the caller is in one.
const visibleSQL = "select lab.id from lab where lab.id = @id and " + group.Visible

const latestSQL = `select v.id from lab join lab_version v on v.lab_id = lab.id and v.number = lab.version
	where lab.slug = @slug and lab.archived_at is null and ` + group.Visible

const versionSQL = `select v.id, v.lab_id, l.slug, v.number, v.published_at, v.archive
	from lab_version v join lab l on l.id = v.lab_id where v.id = @id`

// matching chooses what the caller may see, by the words of a query (their beginnings, or the same English word in another form)
// and by level: with the conditions that are asked for alone, so that one plan is good for all who ask so. For words and tags
// the organisation's catalogue is looked through: PostgreSQL does not know whether their operators tell of rows that row level
// security hides, and takes no index before it.
func (f Filter) matching() string {
	where := "archived_at is null and " + group.Visible
	if f.Level != "" {
		where += " and level = @level"
	}
	if prefixes(f.Query) != "" {
		where += " and search @@ (to_tsquery('simple', @words) || websearch_to_tsquery('english', @q))"
	}
	return where
}

// labs are listed by title, or by age.
func labs() list.List[Lab] {
	return list.List[Lab]{
		Name: "labs", ID: func(l Lab) string { return l.ID.String() }, IDSQL: "id",
		Sorts: []list.Sort[Lab]{{Name: "title", Text: func(l Lab) string { return l.Title }, SQL: "title"}, {Name: "created"}},
	}
}

func (f Filter) listSQL() string {
	where := f.matching()
	if f.Tag != "" {
		where += " and tags @> array[@tag::text]"
	}
	return "select " + labColumns + " from lab where " + where + " and " + labs().Where(f.At) + " order by " + labs().By(f.At) + " limit @limit"
}

// maxTags bounds the tags that are shown, from as many labs as tagsSQL reads.
const maxTags = 50

func (f Filter) tagsSQL() string {
	return "select slug, level, tags from lab where cardinality(tags) > 0 and " + f.matching() + " order by title, id limit 2000"
}

// Filter chooses labs of the catalogue; empty fields choose all.
type Filter struct {
	Query string
	Tag   string
	Level manifest.Level
	At    list.Position
	Limit int
}

func (f Filter) args(ctx context.Context) pgx.NamedArgs {
	return group.Viewer(ctx, labs().Args(f.At, pgx.NamedArgs{
		"q": f.Query, "words": prefixes(f.Query), "tag": f.Tag, "level": string(f.Level), "limit": f.Limit,
	}))
}

// prefixes turns what somebody typed into a query for words that begin so: "file per" into "file:* & per:*".
func prefixes(query string) string {
	const most = 8
	words := strings.FieldsFunc(query, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	if len(words) > most {
		words = words[:most]
	}
	for i := range words {
		words[i] += ":*"
	}
	return strings.Join(words, " & ")
}

// TagCount is how many labs have a tag.
type TagCount struct {
	Tag   string `json:"tag"`
	Count int    `json:"count"`
}

func scanTagged(row pgx.CollectableRow) (l Lab, err error) {
	err = row.Scan(&l.Slug, &l.Level, &l.Tags)
	return l, err
}

// lock finds or makes a lab by its slug and holds its row; latest is the hash of its latest version, nil without one.
func lock(ctx context.Context, tx pgx.Tx, slug string) (id uuid.UUID, number int, latest []byte, err error) {
	args := pgx.NamedArgs{"slug": slug}
	if _, err = tx.Exec(ctx, `insert into lab (slug) values (@slug) on conflict (tenant_id, slug) do nothing`, args); err != nil {
		return id, 0, nil, fmt.Errorf("insert lab: %w", err)
	}
	if err = tx.QueryRow(ctx, `select id, version from lab where slug = @slug for update`, args).Scan(&id, &number); err != nil {
		return id, 0, nil, fmt.Errorf("lock lab: %w", err)
	}
	if number == 0 {
		return id, 0, nil, nil
	}
	err = tx.QueryRow(ctx, `select hash from lab_version where lab_id = @id and number = @number`,
		pgx.NamedArgs{"id": id, "number": number}).Scan(&latest)
	if err != nil {
		return id, 0, nil, fmt.Errorf("read latest version: %w", err)
	}
	return id, number, latest, nil
}

func insertVersion(ctx context.Context, tx pgx.Tx, lab uuid.UUID, number int, hash, archive []byte) error {
	var by *uuid.UUID
	if scope, ok := tenancy.From(ctx); ok && scope.User != uuid.Nil {
		by = &scope.User
	}
	_, err := tx.Exec(ctx, `insert into lab_version (lab_id, number, hash, archive, published_by)
		values (@lab, @number, @hash, @archive, @by)`,
		pgx.NamedArgs{"lab": lab, "number": number, "hash": hash, "archive": archive, "by": by})
	if err != nil {
		return fmt.Errorf("insert version: %w", err)
	}
	return nil
}

// show makes the catalogue's entry say what a version says about itself.
func show(ctx context.Context, tx pgx.Tx, id uuid.UUID, number int, l *manifest.Lab) error {
	text, err := json.Marshal(overview(l))
	if err != nil {
		return fmt.Errorf("show lab: %w", err)
	}
	words := strings.Join(append([]string{l.Title, l.Summary, strings.ReplaceAll(l.Slug, "-", " ")}, l.Tags...), "\n")
	_, err = tx.Exec(ctx, `update lab set version = @number, title = @title, summary = @summary, level = @level, tags = @tags,
		overview = @overview, search = to_tsvector('simple', @words) || to_tsvector('english', @words) where id = @id`,
		pgx.NamedArgs{
			"id": id, "number": number, "title": l.Title, "summary": l.Summary, "level": string(l.Level),
			"tags": append([]string{}, l.Tags...), "overview": text, "words": words,
		})
	if err != nil {
		return fmt.Errorf("show lab: %w", err)
	}
	return nil
}

// stored is a version as it rests in the database.
type stored struct {
	id, lab     uuid.UUID
	slug        string
	number      int
	publishedAt time.Time
	archive     []byte
}

func scanVersion(row pgx.CollectableRow) (s stored, err error) {
	err = row.Scan(&s.id, &s.lab, &s.slug, &s.number, &s.publishedAt, &s.archive)
	return s, err
}

// open reads a version's files and renders its guide. It was valid when it was published: what a newer program would find
// wrong with it is of no matter.
func (s stored) open() (*Version, error) {
	tree, err := manifest.Unpack(bytes.NewReader(s.archive))
	if err != nil {
		return nil, err
	}
	l, _ := manifest.Parse(tree)
	v := &Version{
		ID: s.id, LabID: s.lab, Slug: s.slug, Number: s.number, PublishedAt: s.publishedAt,
		Manifest: l, guides: map[string][]guide.Step{},
	}
	for _, locale := range l.Locales {
		if v.guides[locale], err = render(l, locale); err != nil {
			return nil, err
		}
	}
	v.Guide = v.guides[l.Locales[0]]
	return v, nil
}

// storedBytes is how many bytes of archives the tenant has.
func storedBytes(ctx context.Context, tx pgx.Tx) (used int64, err error) {
	if err := tx.QueryRow(ctx, `select coalesce(sum(octet_length(archive)), 0) from lab_version`).Scan(&used); err != nil {
		return 0, fmt.Errorf("measure labs: %w", err)
	}
	return used, nil
}
