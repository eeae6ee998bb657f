package session

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/check"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// row reads a session that the caller may use; anybody else's is not found.
func (s *Service) row(ctx context.Context, p tenancy.Permission, id uuid.UUID) (found Session, err error) {
	list, err := db.ReadInTenant(ctx, s.DB, p, "select "+columns+" from session where id = @id", pgx.NamedArgs{"id": id}, scan)
	if err != nil {
		return Session{}, err
	}
	if len(list) != 1 {
		return Session{}, ErrNotFound
	}
	return list[0], s.mine(ctx, list[0])
}

// Get returns a session that the caller may see.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Session, error) {
	return s.row(ctx, policy.SessionUse, id)
}

// own returns a session of the caller's, for what only its learner does in it: those who may see all sessions look on.
func (s *Service) own(ctx context.Context, id uuid.UUID) (Session, *lab.Version, error) {
	found, version, err := s.load(ctx, policy.SessionUse, id)
	if err == nil && !s.owns(ctx, found) {
		return Session{}, nil, ErrNotFound
	}
	return found, version, err
}

func (s *Service) load(ctx context.Context, p tenancy.Permission, id uuid.UUID) (Session, *lab.Version, error) {
	found, err := s.row(ctx, p, id)
	if err != nil {
		return Session{}, nil, err
	}
	version, err := s.Labs.VersionByID(ctx, found.Version)
	return found, version, err
}

func (s *Service) loadWithResults(ctx context.Context, p tenancy.Permission, id uuid.UUID) (found Session, version *lab.Version, all results, err error) {
	found, version, err = s.load(ctx, p, id)
	if err != nil {
		return Session{}, nil, nil, err
	}
	err = s.DB.InTenant(ctx, p, func(tx pgx.Tx) error {
		if err := db.Allow(ctx, tx, p, found); err != nil {
			return err
		}
		known, err := check.Load(ctx, tx, id)
		all = known
		return err
	})
	return found, version, all, err
}

// ListFilter chooses sessions.
type ListFilter struct {
	All    bool  // everybody's, for those who may see all
	Active *bool // only those that are not over, or only those that are
	At     list.Position
}

// Listed is a session of a list with what it is a run of.
type Listed struct {
	Session
	Lab     *lab.Version
	Results results
}

// List returns one page of sessions, and the cursor of the next one.
func (s *Service) List(ctx context.Context, f ListFilter) (found []Listed, next string, err error) {
	scope, _ := tenancy.From(ctx)
	query, p := filter{user: &scope.User, active: f.Active, at: f.At}, policy.SessionUse
	if f.All {
		query.user, p = nil, policy.SessionSeeAll
	}
	page, err := db.PageInTenant(ctx, s.DB, p, f.At.Limit, query.query(), query.after, scan)
	if err != nil {
		return nil, "", err
	}
	if page.Last != nil {
		next = sessions().Next(f.At, *page.Last)
	}
	found, err = s.listed(ctx, p, page.Rows)
	return found, next, err
}

// listed adds to sessions what they are runs of.
func (s *Service) listed(ctx context.Context, p tenancy.Permission, rows []Session) ([]Listed, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]uuid.UUID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	var passed map[uuid.UUID]map[check.Key]check.Result
	err := s.DB.InWholeTenant(ctx, p, func(tx pgx.Tx) (err error) {
		passed, err = check.LoadMany(ctx, tx, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := make([]Listed, 0, len(rows))
	for _, r := range rows {
		version, err := s.Labs.VersionByID(ctx, r.Version)
		if err != nil {
			return nil, err
		}
		list = append(list, Listed{Session: r, Lab: version, Results: passed[r.ID]})
	}
	return list, nil
}

// open lists sessions of the tenant that have not ended, at most so many.
func (s *Service) open(ctx context.Context, most int) ([]uuid.UUID, error) {
	return db.ReadInTenant(ctx, s.DB, policy.SessionSystem, `
		select id from session where state not in ('ended', 'failed') order by id limit @most`, pgx.NamedArgs{"most": most}, pgx.RowTo[uuid.UUID])
}

// openOf is open for one person.
func (s *Service) openOf(ctx context.Context, user uuid.UUID, most int) ([]uuid.UUID, error) {
	return db.ReadInTenant(ctx, s.DB, policy.SessionSystem, `
		select id from session where user_id = @user and state not in ('ended', 'failed') order by id limit @most`,
		pgx.NamedArgs{"user": user, "most": most}, pgx.RowTo[uuid.UUID])
}
