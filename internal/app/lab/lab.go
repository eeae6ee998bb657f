// Package lab is the catalogue: labs, their immutable published versions, and what a session needs of a version.
package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/group"
	"github.com/cloudkida/cloudkida/internal/app/lab/guide"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Errors of the catalogue.
var (
	ErrNotFound = errs.NotFound("lab_not_found", "There is no such lab in the catalogue.")
	ErrInvalid  = errs.Invalid("lab_invalid", "The lab has mistakes; see errors. `cloudkida lab lint` shows the same list.")
	ErrArchive  = errs.Invalid("lab_archive", "The body must be a tar.gz of the lab's directory.")
	ErrTooLarge = errs.TooLarge("lab_too_large", "A lab may have at most 16 MiB.")
	ErrCursor   = errs.Malformed("bad_cursor", "The cursor must be the `next` of the page before.")
)

// Lab is an entry of the catalogue: what its latest version says about itself.
type Lab struct {
	ID      uuid.UUID
	Slug    string
	Title   string
	Summary string
	Level   manifest.Level
	Tags    []string
	Version int
	Overview
	restricted bool // to members of groups
}

// Resource implements tenancy.Resource.
func (l Lab) Resource() tenancy.Entity { return entity(l.Slug, string(l.Level), l.Tags) }

// Resource implements tenancy.Resource: a version is its lab.
func (v *Version) Resource() tenancy.Entity {
	return entity(v.Slug, string(v.Manifest.Level), v.Manifest.Tags)
}

func entity(slug, level string, tags []string) tenancy.Entity {
	return tenancy.Entity{Kind: "Lab", ID: slug, Attributes: map[string]any{"slug": slug, "level": level, "tags": tags}}
}

// Overview is what the catalogue shows of a lab but does not search. It is stored as JSON.
type Overview struct {
	DurationSeconds int      `json:"durationSeconds"`
	Steps           []string `json:"steps"` // titles
	Points          int      `json:"points"`
	Requires        []string `json:"requires"`
	Ports           []Port   `json:"ports"`
	Locales         []string `json:"locales"`
}

// Version is one published version with all its content. It is shared by all who use it: nobody may change it.
type Version struct {
	ID          uuid.UUID
	LabID       uuid.UUID
	Slug        string
	Number      int
	PublishedAt time.Time
	Manifest    *manifest.Lab
	Guide       []guide.Step // in the lab's first locale
	guides      map[string][]guide.Step
}

// GuideIn is the guide in a locale, or in the lab's first one.
func (v *Version) GuideIn(locale string) []guide.Step {
	if g, ok := v.guides[locale]; ok {
		return g
	}
	return v.Guide
}

// Published tells what a publication came to.
type Published struct {
	Slug    string
	Version int
	Created bool // false: the latest version has this very content already
}

// Service keeps the catalogue.
type Service struct {
	DB  *db.DB
	Log *slog.Logger
	// Room tells whether the tenant's plan has room for so many bytes of published labs; nil: there is no bound.
	Room     func(ctx context.Context, tenant uuid.UUID, bytes int64) error
	versions cache
}

// Get finds a lab of the catalogue by its slug.
func (s *Service) Get(ctx context.Context, slug string) (Lab, error) {
	list, err := db.ReadInTenant(ctx, s.DB, policy.LabRead, getSQL, pgx.NamedArgs{"slug": slug}, scanLab)
	if err != nil {
		return Lab{}, fmt.Errorf("get lab: %w", err)
	}
	if len(list) != 1 {
		return Lab{}, ErrNotFound
	}
	if l := list[0]; !group.Sees(ctx, l.restricted) {
		// A second statement, for few: in one, PostgreSQL prepares the groups' tables for every lab that anybody reads.
		in, err := db.ReadInTenant(ctx, s.DB, policy.LabRead, visibleSQL, group.Viewer(ctx, pgx.NamedArgs{"id": l.ID}), pgx.RowTo[uuid.UUID])
		if err != nil {
			return Lab{}, fmt.Errorf("find the lab's groups: %w", err)
		}
		if len(in) == 0 {
			return Lab{}, ErrNotFound
		}
	}
	return list[0], nil
}

// Latest is the latest version of a lab of the catalogue.
func (s *Service) Latest(ctx context.Context, slug string) (*Version, error) {
	list, err := db.ReadInTenant(ctx, s.DB, policy.LabRead, latestSQL, group.Viewer(ctx, pgx.NamedArgs{"slug": slug}), pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("find latest version: %w", err)
	}
	if len(list) != 1 {
		return nil, ErrNotFound
	}
	v, err := s.VersionByID(ctx, list[0])
	if err != nil {
		return nil, err
	}
	err = s.DB.Allow(ctx, policy.LabRead, v)
	if errs.KindOf(err) == errs.KindForbidden {
		err = ErrNotFound
	}
	return v, err
}

// VersionByID is a published version, also of a lab that has left the catalogue: sessions of it go on.
func (s *Service) VersionByID(ctx context.Context, id uuid.UUID) (*Version, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return nil, db.ErrNoScope
	}
	// The cache is outside of row level security: the permission is asked here, and the tenant is a part of the key.
	if err := s.DB.Allow(ctx, policy.LabRead, tenancy.Whole{}); err != nil {
		return nil, err
	}
	key := cacheKey{tenant: fault.Else(fault.LabOfAnyTenant, scope.Tenant, uuid.Nil), version: id}
	if v, ok := s.versions.get(key); ok {
		return v, nil
	}
	list, err := db.ReadInTenant(ctx, s.DB, policy.LabRead, versionSQL, pgx.NamedArgs{"id": id}, scanVersion)
	if err != nil {
		return nil, fmt.Errorf("read version: %w", err)
	}
	if len(list) != 1 {
		return nil, ErrNotFound
	}
	v, err := list[0].open()
	if err != nil {
		return nil, fmt.Errorf("open version %s: %w", id, err)
	}
	s.versions.put(key, v)
	return v, nil
}

// Publish makes the lab with these files the latest version, unless it is already. A lab with problems is refused with
// all of them.
func (s *Service) Publish(ctx context.Context, tree manifest.Tree) (Published, error) {
	l, problems := manifest.Parse(tree)
	if len(problems) > 0 {
		return Published{}, ErrInvalid.WithFields(fieldsOf(problems)...)
	}
	archive, err := tree.Pack()
	if err != nil {
		return Published{}, err
	}
	hash := tree.Hash()
	var out Published
	err = s.DB.InTenant(ctx, policy.LabWrite, func(tx pgx.Tx) error {
		if err := db.Allow(ctx, tx, policy.LabWrite, &Version{Slug: l.Slug, Manifest: l}); err != nil {
			return err
		}
		out, err = publish(ctx, tx, l, archive, hash)
		if err != nil || !out.Created {
			return err
		}
		return s.room(ctx, tx)
	})
	return out, err
}

// room asks whether what is published fits the tenant's plan.
func (s *Service) room(ctx context.Context, tx pgx.Tx) error {
	if s.Room == nil {
		return nil
	}
	scope, _ := tenancy.From(ctx)
	used, err := storedBytes(ctx, tx)
	if err != nil {
		return err
	}
	return s.Room(ctx, scope.Tenant, used)
}

// Stored is how many bytes of labs the tenant in ctx has published.
func (s *Service) Stored(ctx context.Context) (used int64, err error) {
	err = s.DB.InWholeTenant(ctx, policy.LabRead, func(tx pgx.Tx) error {
		used, err = storedBytes(ctx, tx)
		return err
	})
	return used, err
}

// publish adds a version in a transaction that holds the lab's row: two publications follow each other.
func publish(ctx context.Context, tx pgx.Tx, l *manifest.Lab, archive []byte, hash [sha256.Size]byte) (Published, error) {
	id, number, latest, err := lock(ctx, tx, l.Slug)
	if err != nil {
		return Published{}, err
	}
	if bytes.Equal(latest, hash[:]) {
		return Published{Slug: l.Slug, Version: number}, nil
	}
	number++
	if err := insertVersion(ctx, tx, id, number, hash[:], archive); err != nil {
		return Published{}, err
	}
	if err := show(ctx, tx, id, number, l); err != nil {
		return Published{}, err
	}
	err = audit.Record(ctx, tx, "lab.published", l.Slug, map[string]any{"version": number, "hash": hex.EncodeToString(hash[:])})
	return Published{Slug: l.Slug, Version: number, Created: true}, err
}

// Seed publishes the labs in the directories of fsys into a tenant, where their content has changed.
func (s *Service) Seed(ctx context.Context, tenant uuid.UUID, fsys fs.FS) error {
	ctx = tenancy.System(ctx, tenant)
	files, err := fs.Glob(fsys, "*/"+manifest.Name)
	if err != nil {
		return fmt.Errorf("find labs: %w", err)
	}
	for _, file := range files {
		dir := path.Dir(file)
		sub, err := fs.Sub(fsys, dir)
		if err != nil {
			return fmt.Errorf("read lab %s: %w", dir, err)
		}
		tree, problems := manifest.ReadTree(sub)
		if len(problems) > 0 {
			return fmt.Errorf("read lab %s: %w", dir, problems)
		}
		out, err := s.Publish(ctx, tree)
		if err != nil {
			return fmt.Errorf("publish lab %s: %w", dir, err)
		}
		if out.Created && s.Log != nil {
			s.Log.InfoContext(ctx, "lab published", "lab", out.Slug, "version", out.Version)
		}
	}
	return nil
}

func fieldsOf(problems manifest.Problems) []errs.Field {
	fields := make([]errs.Field, len(problems))
	for i, p := range problems {
		fields[i] = errs.Field{Path: p.Location(), Message: p.Message}
	}
	return fields
}

func overview(l *manifest.Lab) Overview {
	o := Overview{
		DurationSeconds: int(l.Duration.Seconds()), Points: l.Points(), Steps: []string{},
		Requires: append([]string{}, l.Requires...), Ports: []Port{}, Locales: append([]string{}, l.Locales...),
	}
	for _, p := range l.Ports() {
		o.Ports = append(o.Ports, Port(p))
	}
	for _, s := range l.Steps {
		o.Steps = append(o.Steps, s.Title)
	}
	return o
}
