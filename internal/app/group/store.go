package group

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Visible is the condition, on a row of the table lab, that the caller may see and start the lab; see Viewer.
const Visible = `(@viewer_staff or not lab.restricted or exists (
	select from group_lab x
	join "group" g on x.group_id = g.id or x.group_id = g.parent_id
	join group_member m on m.group_id = g.id
	where x.lab_id = lab.id and m.user_id = @viewer))`

// Viewer adds to args what Visible needs to know of the caller. Without a scope nobody is anybody.
func Viewer(ctx context.Context, args pgx.NamedArgs) pgx.NamedArgs {
	scope, _ := tenancy.From(ctx)
	args["viewer"], args["viewer_staff"] = scope.User, staff(scope.Role)
	return args
}

// Filter narrows a list.
type Filter struct {
	After uuid.UUID // the last group of the page before; zero: from the start
	Limit int
}

const columns = `g.id, g.name, g.note, g.parent_id, g.max_sessions, g.version, g.created_at,
	(select count(*) from group_member m where m.group_id = g.id),
	(select count(*) from group_lab l where l.group_id = g.id),
	(select count(*) from "group" c where c.parent_id = g.id)`

// How get reads a row.
const (
	lockRow  = " for update of g"
	readOnly = ""
)

const listSQL = `select ` + columns + ` from "group" g
	where @after::uuid is null or g.name_key > (select name_key from "group" where id = @after)
	order by g.name_key limit @limit`

func (f Filter) args() pgx.NamedArgs {
	return pgx.NamedArgs{"after": uuid.NullUUID{UUID: f.After, Valid: f.After != uuid.Nil}, "limit": f.Limit}
}

// get reads a group for whoever has the permission for it.
func get(ctx context.Context, tx pgx.Tx, p tenancy.Permission, id uuid.UUID, how string) (Group, error) {
	g, err := read(ctx, tx, id, how)
	if err == nil {
		err = allow(ctx, tx, p, g)
	}
	return g, err
}

func read(ctx context.Context, tx pgx.Tx, id uuid.UUID, how string) (Group, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from "group" g where g.id = $1`+how, id)
	if err != nil {
		return Group{}, fmt.Errorf("read group: %w", err)
	}
	g, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Group])
	if errors.Is(err, pgx.ErrNoRows) {
		return Group{}, ErrNotFound
	}
	if err != nil {
		return Group{}, fmt.Errorf("read group: %w", err)
	}
	return g, nil
}

// roomForGroup lets groups be added one after another.
func roomForGroup(ctx context.Context, tx pgx.Tx) error {
	scope, _ := tenancy.From(ctx)
	var n int
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('groups of ' || $1::text, 0))`, scope.Tenant.String())
	if err == nil {
		err = tx.QueryRow(ctx, `select count(*) from "group"`).Scan(&n)
	}
	if err != nil {
		return fmt.Errorf("count groups: %w", err)
	}
	if n >= maxGroups {
		return ErrMany
	}
	return nil
}

// kept turns what the database refused into what it means.
func kept(err error, what string) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg) && pg.Code == "23505":
		return ErrTaken
	case errors.As(err, &pg) && pg.Code == "23503":
		return ErrNested
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (g *Group) args() pgx.NamedArgs {
	return pgx.NamedArgs{"id": g.ID, "name": g.Name, "key": key(g.Name), "note": g.Note, "parent": g.Parent, "max": g.MaxSessions}
}

func insert(ctx context.Context, tx pgx.Tx, g Group) (id uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `insert into "group" (name, name_key, note, parent_id, nested, max_sessions)
		values (@name, @key, @note, @parent, @parent::uuid is not null, @max) returning id`, g.args()).Scan(&id)
	return id, kept(err, "insert group")
}

func update(ctx context.Context, tx pgx.Tx, g Group) error {
	_, err := tx.Exec(ctx, `update "group" set name = @name, name_key = @key, note = @note, parent_id = @parent,
		nested = @parent::uuid is not null, max_sessions = @max, version = version + 1 where id = @id`, g.args())
	return kept(err, "update group")
}

func remove(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	for _, statement := range []string{
		`update "group" set parent_id = null, nested = false, version = version + 1 where parent_id = $1`,
		`delete from "group" where ` + fault.Else(fault.RemovalOfAll, "id = $1", "$1::uuid is not null"),
	} {
		if _, err := tx.Exec(ctx, statement, id); err != nil {
			return fmt.Errorf("delete group: %w", err)
		}
	}
	return nil
}

// frees is what the deletion of a group does.
func frees(ctx context.Context, tx pgx.Tx, g Group) (Freed, error) {
	rows, err := tx.Query(ctx, `select l.slug from group_lab x join lab l on l.id = x.lab_id
		where x.group_id = $1 and l.archived_at is null and not exists (select from group_lab o where o.lab_id = x.lab_id and o.group_id <> $1)
		order by l.slug`, g.ID)
	if err != nil {
		return Freed{}, fmt.Errorf("read a group's labs: %w", err)
	}
	labs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return Freed{}, fmt.Errorf("read a group's labs: %w", err)
	}
	return Freed{Members: g.Members, Children: g.Children, Labs: append([]string{}, labs...), Limit: g.MaxSessions}, nil
}

func membersOf(ctx context.Context, tx pgx.Tx, id, before uuid.UUID, limit int) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `select user_id from group_member where group_id = @id and (@before::uuid is null or user_id < @before)
		order by user_id desc limit @limit`,
		pgx.NamedArgs{"id": id, "before": uuid.NullUUID{UUID: before, Valid: before != uuid.Nil}, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("list a group's members: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

func execChanged(ctx context.Context, tx pgx.Tx, what, sql string, args ...any) (changed bool, err error) {
	done, err := tx.Exec(ctx, sql, args...)
	if err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	return done.RowsAffected() > 0, nil
}

func addMember(ctx context.Context, tx pgx.Tx, id, user uuid.UUID) (bool, error) {
	return execChanged(ctx, tx, "add to group", `
		insert into group_member as m (group_id, user_id) values ($1, $2)
		on conflict (tenant_id, group_id, user_id) do update set given_by = null where m.given_by is not null`, id, user)
}

func removeMember(ctx context.Context, tx pgx.Tx, id, user uuid.UUID) (bool, error) {
	return execChanged(ctx, tx, "take out of group", `delete from group_member where group_id = $1 and user_id = $2`, id, user)
}

func labsOf(ctx context.Context, tx pgx.Tx, id uuid.UUID) ([]Lab, error) {
	rows, err := tx.Query(ctx, `select l.slug, l.title from group_lab x join lab l on l.id = x.lab_id
		where x.group_id = $1 and l.archived_at is null order by l.title, l.slug limit $2`, id, maxLabs)
	if err != nil {
		return nil, fmt.Errorf("list a group's labs: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Lab])
}

func addLab(ctx context.Context, tx pgx.Tx, id uuid.UUID, slug string) (bool, error) {
	var lab uuid.UUID
	var count int
	err := tx.QueryRow(ctx, `select id, (select count(*) from group_lab where group_id = $2) from lab where slug = $1 and archived_at is null`, slug, id).Scan(&lab, &count)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, ErrNoLab
	case err != nil:
		return false, fmt.Errorf("read lab: %w", err)
	case count >= maxLabs:
		return false, ErrManyLabs
	}
	return execChanged(ctx, tx, "add lab to group", `insert into group_lab (group_id, lab_id) values ($1, $2) on conflict do nothing`, id, lab)
}

func removeLab(ctx context.Context, tx pgx.Tx, id uuid.UUID, slug string) (bool, error) {
	return execChanged(ctx, tx, "take lab from group", `delete from group_lab where group_id = $1 and lab_id = (select id from lab where slug = $2)`, id, slug)
}

func names(ctx context.Context, tx pgx.Tx) (map[uuid.UUID]string, error) {
	rows, err := tx.Query(ctx, `select id, name from "group" limit $1`, maxGroups)
	if err != nil {
		return nil, fmt.Errorf("name groups: %w", err)
	}
	found := map[uuid.UUID]string{}
	var id uuid.UUID
	var name string
	if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error { found[id] = name; return nil }); err != nil {
		return nil, fmt.Errorf("name groups: %w", err)
	}
	return found, nil
}

func joinAll(ctx context.Context, tx pgx.Tx, user uuid.UUID, groups []uuid.UUID) error {
	_, err := execChanged(ctx, tx, "join groups", `insert into group_member (group_id, user_id) select id, $1 from "group" where id = any ($2) on conflict do nothing`, user, groups)
	return err
}

// joinNamed adds a user to those of the groups that are there, as what a provider says. Whoever is in one by hand stays so.
func joinNamed(ctx context.Context, tx pgx.Tx, user, provider uuid.UUID, keys []string) (names []string, err error) {
	rows, err := tx.Query(ctx, `
		with joined as (
			insert into group_member (group_id, user_id, given_by) select id, $1, $3 from "group" where name_key = any ($2)
			on conflict do nothing returning group_id)
		select g.name from joined j join "group" g on g.id = j.group_id order by g.name`, user, keys, provider)
	if err != nil {
		return nil, fmt.Errorf("join groups: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// leaveUnnamed takes a user out of the groups that a provider gave and no longer names.
func leaveUnnamed(ctx context.Context, tx pgx.Tx, user, provider uuid.UUID, keys []string) (names []string, err error) {
	rows, err := tx.Query(ctx, `
		with gone as (
			delete from group_member m using "group" g
			where m.user_id = $1 and m.given_by = $3 and g.id = m.group_id and g.name_key <> all ($2) returning g.name)
		select name from gone order by name`, user, keys, provider)
	if err != nil {
		return nil, fmt.Errorf("leave groups: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func leaveAll(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	_, err := execChanged(ctx, tx, "leave groups", `delete from group_member where user_id = $1`, user)
	return err
}

func namesOf(ctx context.Context, tx pgx.Tx, user uuid.UUID) ([]string, error) {
	rows, err := tx.Query(ctx, `select g.name from group_member m join "group" g on g.id = m.group_id where m.user_id = $1 order by g.name_key limit $2`, user, maxGroups)
	if err != nil {
		return nil, fmt.Errorf("name a member's groups: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("name a member's groups: %w", err)
	}
	return append([]string{}, found...), nil
}

func smallestLimit(ctx context.Context, tx pgx.Tx, user uuid.UUID) (name string, most int64, bounded bool, err error) {
	err = tx.QueryRow(ctx, `
		select g.name, g.max_sessions from "group" g
		where g.max_sessions is not null and exists (
			select from group_member m join "group" own on own.id = m.group_id where m.user_id = $1 and g.id in (own.id, own.parent_id))
		order by g.max_sessions, g.name_key limit 1`, user).Scan(&name, &most)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", 0, false, nil
	}
	if err != nil {
		return "", 0, false, fmt.Errorf("read groups' limits: %w", err)
	}
	return name, most, true, nil
}
