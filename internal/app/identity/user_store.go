package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
)

const userColumns = `u.id, u.email, u.name, u.operator, u.disabled_at is not null, u.created_at`

// maxPeople bounds the look-up of users by id.
const maxPeople = 1000

func insertUser(ctx context.Context, tx pgx.Tx, pool Pool, in NewUser, hash string) (User, error) {
	rows, err := tx.Query(ctx, `
		insert into identity."user" as u (pool_id, email, email_key, name, password_hash, operator)
		values (@pool, @email, @key, @name, @hash, @operator) returning `+userColumns, pgx.NamedArgs{
		"pool": pool.ID, "email": in.Email, "key": address.Key(in.Email), "name": in.Name, "hash": hash, "operator": in.Operator,
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

func updatePassword(ctx context.Context, tx pgx.Tx, user uuid.UUID, hash string) error {
	if _, err := tx.Exec(ctx, `update identity."user" set password_hash = $2, updated_at = now() where id = $1`, user, hash); err != nil {
		return fmt.Errorf("update password: %w", err)
	}
	return nil
}

// renewHash keeps a hash of today's cost in place of an older one, unless the password was changed meanwhile.
func (s *Service) renewHash(ctx context.Context, user uuid.UUID, old, hash string) error {
	_, err := s.db.Exec(ctx, `update identity."user" set password_hash = $3 where id = $1 and password_hash = $2`, user, old, hash)
	if err != nil {
		return fmt.Errorf("renew hash: %w", err)
	}
	return nil
}

func (s *Service) updateName(ctx context.Context, user uuid.UUID, name string) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
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

// account is what sign-in needs of a user.
type account struct {
	User
	Hash string // empty: no password
}

// accountByEmail returns the account with this address; a zero account when there is none.
func (s *Service) accountByEmail(ctx context.Context, pool Pool, email string) (account, error) {
	return s.account(ctx, `where u.pool_id = $1 and u.email_key = $2`, pool.ID, address.Key(email))
}

func (s *Service) accountByID(ctx context.Context, user uuid.UUID) (account, error) {
	return s.account(ctx, `where u.id = $1`, user)
}

func (s *Service) account(ctx context.Context, where string, args ...any) (account, error) {
	rows, err := s.db.Query(ctx, `select `+userColumns+`, coalesce(u.password_hash, '') from identity."user" u `+where, args...)
	if err != nil {
		return account{}, fmt.Errorf("read user: %w", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[account])
	if errors.Is(err, pgx.ErrNoRows) {
		return account{}, nil
	}
	if err != nil {
		return account{}, fmt.Errorf("read user: %w", err)
	}
	return a, nil
}

func (s *Service) usersByID(ctx context.Context, ids []uuid.UUID) ([]User, error) {
	if len(ids) > maxPeople {
		return nil, fmt.Errorf("read users: %d at once, want at most %d", len(ids), maxPeople)
	}
	rows, err := s.db.Query(ctx, `select `+userColumns+` from identity."user" u where u.id = any($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[User])
}

// listed is a user in the operator's list.
type listed struct {
	User
	Role string // in the oldest of the user's tenants
	Pool string
}

// listUsers returns the users whose address starts with q or whose name contains it, the newest first, from before on.
func (s *Service) listUsers(ctx context.Context, q string, before uuid.UUID, limit int) ([]listed, error) {
	rows, err := s.db.Query(ctx, `
		select `+userColumns+`, coalesce((
			select m.role from identity.membership m where m.user_id = u.id and m.status = 'active' order by m.created_at limit 1), ''), p.name
		from identity."user" u join identity.pool p on p.id = u.pool_id
		where (@before::uuid is null or u.id < @before)
			and (@q = '' or u.email_key like @start or lower(u.name) like @part)
		order by u.id desc limit @limit`, pgx.NamedArgs{
		"before": uuid.NullUUID{UUID: before, Valid: before != uuid.Nil}, "limit": limit,
		"q": q, "start": escapeLike(address.Key(q)) + "%", "part": "%" + escapeLike(strings.ToLower(q)) + "%",
	})
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[listed])
}

func escapeLike(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *Service) operatorExists(ctx context.Context, q querier) (bool, error) {
	rows, err := q.Query(ctx, `select exists (select from identity."user" where operator)`)
	if err != nil {
		return false, fmt.Errorf("look for an operator: %w", err)
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[bool])
}
