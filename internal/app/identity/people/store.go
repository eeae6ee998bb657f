package people

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/search"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/list"
)

const userColumns = `u.id, u.email, u.name, u.operator, u.disabled_at is not null, u.created_at`

// maxPeople bounds the look-up of users by id.
const maxPeople = 1000

// Insert adds a person with one membership.
func Insert(ctx context.Context, tx pgx.Tx, pool access.Pool, in Draft, hash string) (User, error) {
	rows, err := tx.Query(ctx, `
		insert into identity."user" as u (pool_id, email, email_key, name, password_hash, operator, email_proved_at, locale)
		values (@pool, @email, @key, @name, @hash, @operator, case when @proved then now() end, @locale) returning `+userColumns, pgx.NamedArgs{
		"pool": pool.ID, "email": in.Email, "key": address.Key(in.Email), "name": in.Name, "hash": hash, "operator": in.Operator,
		"proved": in.Proved, "locale": in.Locale,
	})
	if err != nil {
		return User{}, fmt.Errorf("insert user: %w", err)
	}
	user, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[User])
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return User{}, ErrEmailTaken
	}
	if err != nil {
		return User{}, fmt.Errorf("insert user: %w", err)
	}
	_, err = tx.Exec(ctx, `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, $3)`, user.ID, in.Tenant, string(in.Role))
	if err != nil {
		return User{}, fmt.Errorf("insert membership: %w", err)
	}
	return user, nil
}

// Rename gives a person another name.
func (s *Service) Rename(ctx context.Context, user uuid.UUID, name string) error {
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update identity."user" set name = $2, updated_at = now() where id = $1`, user, name); err != nil {
			return err
		}
		// Without the names: what is in a log stays when the person has gone.
		return audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.renamed", Target: user.String()})
	})
	if err != nil {
		return fmt.Errorf("update name: %w", err)
	}
	return nil
}

// ByEmail returns the account with this address; a zero account when there is none.
func (s *Service) ByEmail(ctx context.Context, pool access.Pool, email string) (Account, error) {
	return s.account(ctx, `where u.pool_id = $1 and u.email_key = $2`, pool.ID, address.Key(email))
}

// ByID returns the account of a user; a zero account when there is none.
func (s *Service) ByID(ctx context.Context, user uuid.UUID) (Account, error) {
	return s.account(ctx, `where u.id = $1`, user)
}

func (s *Service) account(ctx context.Context, where string, args ...any) (Account, error) {
	rows, err := s.DB.Query(ctx, `select `+userColumns+`, coalesce(u.password_hash, '') from identity."user" u `+where, args...)
	if err != nil {
		return Account{}, fmt.Errorf("read user: %w", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Account])
	if errors.Is(err, pgx.ErrNoRows) {
		return Account{}, nil
	}
	if err != nil {
		return Account{}, fmt.Errorf("read user: %w", err)
	}
	return a, nil
}

// usersByID reads users: of a tenant, those that it ever had and operators.
func (s *Service) usersByID(ctx context.Context, ids []uuid.UUID, tenant uuid.NullUUID) ([]User, error) {
	if len(ids) > maxPeople {
		return nil, fmt.Errorf("read users: %d at once, want at most %d", len(ids), maxPeople)
	}
	rows, err := s.DB.Query(ctx, `select `+userColumns+` from identity."user" u
		where u.id = any($1) and ($2::uuid is null or u.operator
			or exists (select from identity.membership m where m.user_id = u.id and m.tenant_id = $2))`, ids, tenant)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[User])
}

// Listed is a user in the operator's list.
type Listed struct {
	User
	Role string // in the oldest of the user's tenants
	Pool string
}

// Sorted is how users are listed: by age.
func Sorted() list.List[Listed] {
	return list.List[Listed]{
		Name: "users", ID: func(u Listed) string { return u.ID.String() }, IDSQL: "u.id", Sorts: []list.Sort[Listed]{{Name: "created", Down: true}},
	}
}

// List returns at most limit of the users that q finds, from a position on.
func (s *Service) List(ctx context.Context, q string, at list.Position, limit int) ([]Listed, error) {
	found, args := search.Condition(q)
	args["limit"] = limit
	rows, err := s.DB.Query(ctx, `
		select `+userColumns+`, coalesce((
			select m.role from identity.membership m where m.user_id = u.id and m.status = 'active' order by m.created_at limit 1), ''), p.name
		from identity."user" u join identity.pool p on p.id = u.pool_id
		where `+Sorted().Where(at)+` and `+found+`
		order by `+Sorted().By(at)+` limit @limit`, list.Fresh, Sorted().Args(at, args))
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Listed])
}

// Querier reads in a transaction or without one.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// OperatorExists tells whether somebody runs the installation.
func OperatorExists(ctx context.Context, q Querier) (bool, error) {
	rows, err := q.Query(ctx, `select exists (select from identity."user" where operator)`)
	if err != nil {
		return false, fmt.Errorf("look for an operator: %w", err)
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
}
