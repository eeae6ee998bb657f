package policy

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// enabled reads the policies that hold, the oldest first.
func enabled(ctx context.Context, tx pgx.Tx) ([]Stored, error) {
	rows, err := tx.Query(ctx, `select id, title, text from policy where enabled order by id limit $1`, maxPolicies)
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Stored])
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	return list, nil
}

// membersOf reads which groups these people are in. Groups are nested once.
func membersOf(ctx context.Context, tx pgx.Tx, users []uuid.UUID) (*Membership, error) {
	rows, err := tx.Query(ctx, `select m.user_id, g.id, g.parent_id from group_member m join "group" g on g.id = m.group_id
		where m.user_id = any ($1)`, users)
	if err != nil {
		return nil, fmt.Errorf("read groups for policies: %w", err)
	}
	m := &Membership{Groups: map[uuid.UUID][]uuid.UUID{}, Parents: map[uuid.UUID]uuid.UUID{}}
	var user, group uuid.UUID
	var parent *uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&user, &group, &parent}, func() error {
		m.Groups[user] = append(m.Groups[user], group)
		if parent != nil {
			m.Parents[group] = *parent
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read groups for policies: %w", err)
	}
	return m, nil
}

// How get reads a row.
const lockRow = " for update"

const columns = "id, title, text, enabled, version, changed_by, changed_at"

const unknownGroup = "The text names a group that this organisation does not have."

func readAll(ctx context.Context, tx pgx.Tx) ([]Policy, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from policy order by lower(title), id limit $1`, maxPolicies)
	if err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Policy])
}

func get(ctx context.Context, tx pgx.Tx, id uuid.UUID, how string) (Policy, error) {
	return one(ctx, tx, ErrNotFound, `select `+columns+` from policy where id = $1`+how, id)
}

func one(ctx context.Context, tx pgx.Tx, missing error, sql string, args ...any) (Policy, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return Policy{}, fmt.Errorf("read policy: %w", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Policy])
	if errors.Is(err, pgx.ErrNoRows) {
		return Policy{}, missing
	}
	if err != nil {
		return Policy{}, fmt.Errorf("read policy: %w", err)
	}
	return p, nil
}

// room lets policies be added one after another.
func room(ctx context.Context, tx pgx.Tx) error {
	scope, _ := tenancy.From(ctx)
	var n int
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('policies of ' || $1::text, 0))`, scope.Tenant.String())
	if err == nil {
		err = tx.QueryRow(ctx, `select count(*) from policy`).Scan(&n)
	}
	if err != nil {
		return fmt.Errorf("count policies: %w", err)
	}
	if n >= maxPolicies {
		return ErrMany
	}
	return nil
}

// knownGroups refuses groups that are not there: a policy would hold for nobody.
func knownGroups(ctx context.Context, tx pgx.Tx, groups []uuid.UUID) error {
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from unnest($1::uuid[]) want where not exists (select from "group" where id = want)`, groups).Scan(&n); err != nil {
		return fmt.Errorf("find groups of a policy: %w", err)
	}
	if n > 0 {
		return errPolicy.WithFields(errs.Field{Path: "body.text:1:1", Message: unknownGroup})
	}
	return nil
}

func insert(ctx context.Context, tx pgx.Tx, p Policy) (Policy, error) {
	p, err := one(ctx, tx, nil, `insert into policy (title, text, enabled) values ($1, $2, $3) returning `+columns, p.Title, p.Text, p.Enabled)
	if err != nil {
		return p, err
	}
	return p, keep(ctx, tx, p)
}

func update(ctx context.Context, tx pgx.Tx, p Policy) (Policy, error) {
	p, err := one(ctx, tx, ErrNotFound, `update policy set title = $2, text = $3, enabled = $4, version = version + 1,
		changed_by = app.user_id(), changed_at = now() where id = $1 returning `+columns, p.ID, p.Title, p.Text, p.Enabled)
	if err != nil {
		return p, err
	}
	return p, keep(ctx, tx, p)
}

// keep adds the version that a policy has now to its history, and drops what is too old.
func keep(ctx context.Context, tx pgx.Tx, p Policy) error {
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`insert into policy_version (policy_id, number, title, text, enabled) values ($1, $2, $3, $4, $5)`, []any{p.ID, p.Version, p.Title, p.Text, p.Enabled}},
		{`delete from policy_version where policy_id = $1 and number <= $2`, []any{p.ID, p.Version - maxVersions}},
	} {
		if _, err := tx.Exec(ctx, s.sql, s.args...); err != nil {
			return fmt.Errorf("keep a policy's version: %w", err)
		}
	}
	return nil
}

func remove(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from policy where id = $1`, id); err != nil {
		return fmt.Errorf("delete policy: %w", err)
	}
	return nil
}

const versionColumns = "policy_id, title, text, enabled, number, changed_by, changed_at"

func version(ctx context.Context, tx pgx.Tx, id uuid.UUID, number int64) (Policy, error) {
	return one(ctx, tx, ErrNoVersion, `select `+versionColumns+` from policy_version where policy_id = $1 and number = $2`, id, number)
}

func versions(ctx context.Context, tx pgx.Tx, id uuid.UUID) ([]Policy, error) {
	rows, err := tx.Query(ctx, `select `+versionColumns+` from policy_version where policy_id = $1 order by number desc limit $2`, id, maxVersions)
	if err != nil {
		return nil, fmt.Errorf("list a policy's versions: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Policy])
}
