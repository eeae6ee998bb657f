package mail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/list"
)

// Stored is a message as it is kept.
type Stored struct {
	ID        uuid.UUID
	Tenant    uuid.NullUUID
	To        string
	Subject   string
	Text      string // "" once deleted
	HTML      string
	Kind      string
	Keep      bool
	State     State
	Attempts  int
	LastError string
	CreatedAt time.Time
	SentAt    *time.Time
}

const columns = `id, tenant_id, recipient, subject, text, html, kind, keep, state, attempts, last_error, created_at, sent_at`

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func insert(ctx context.Context, tx pgx.Tx, id uuid.UUID, m Message, state State) error {
	_, err := tx.Exec(ctx, `insert into control.mail_message (id, tenant_id, about, locale, recipient, subject, text, html, kind, keep, state, sent_at)
		values (@id, @tenant, @about, @locale, @to, @subject, @text, @html, @kind, @keep, @state, case when @state = 'sent' then now() end)`,
		pgx.NamedArgs{
			"id": id, "tenant": optional(m.Tenant), "about": optional(m.About), "locale": m.Locale, "to": m.To, "subject": m.Subject,
			"text": m.Text, "html": m.HTML, "kind": m.Kind, "keep": m.Keep, "state": string(state),
		})
	if err != nil {
		return fmt.Errorf("insert mail: %w", err)
	}
	return nil
}

func optional(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

// How get reads a row.
const (
	lockRow  = " for update"
	readOnly = ""
)

func get(ctx context.Context, q querier, id uuid.UUID, how string) (Stored, error) {
	rows, err := q.Query(ctx, `select `+columns+` from control.mail_message where id = $1`+how, id)
	if err != nil {
		return Stored{}, fmt.Errorf("read mail: %w", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Stored])
	if errors.Is(err, pgx.ErrNoRows) {
		return Stored{}, errNotFound
	}
	if err != nil {
		return Stored{}, fmt.Errorf("read mail: %w", err)
	}
	return m, nil
}

// mails are listed by age.
func mails() list.List[Stored] {
	return list.List[Stored]{
		Name: "mail", ID: func(m Stored) string { return m.ID.String() }, IDSQL: "id", Sorts: []list.Sort[Stored]{{Name: "created", Down: true}},
	}
}

// read returns a page of messages and one more, without their bodies.
func read(ctx context.Context, pool *pgxpool.Pool, state State, at list.Position) ([]Stored, error) {
	rows, err := pool.Query(ctx, `select id, tenant_id, recipient, subject, '', '', kind, keep, state, attempts, last_error, created_at, sent_at
		from control.mail_message
		where (@state = '' or state = @state) and `+mails().Where(at)+`
		order by `+mails().By(at)+` limit @limit`,
		list.Fresh, mails().Args(at, pgx.NamedArgs{"state": string(state), "limit": at.Limit + 1}))
	if err != nil {
		return nil, fmt.Errorf("list mail: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Stored])
	if err != nil {
		return nil, fmt.Errorf("list mail: %w", err)
	}
	return found, nil
}

// settle records how a try ended. A message that a mail server took keeps its bodies only if they let nobody in.
func settle(ctx context.Context, pool *pgxpool.Pool, id uuid.UUID, state State, forget bool, problem string) error {
	_, err := pool.Exec(ctx, `update control.mail_message set state = @state, attempts = attempts + 1, last_error = @problem,
			sent_at = case when @state = 'sent' then now() end,
			text = case when @forget then '' else text end, html = case when @forget then '' else html end
		where id = @id and state = 'queued'`,
		pgx.NamedArgs{"id": id, "state": string(state), "forget": forget, "problem": problem})
	if err != nil {
		return fmt.Errorf("settle mail: %w", err)
	}
	return nil
}

func requeue(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `update control.mail_message set state = 'queued', attempts = 0, last_error = '', queued_at = now() where id = $1`, id)
	if err != nil {
		return fmt.Errorf("queue mail again: %w", err)
	}
	return nil
}

func sweep(ctx context.Context, tx pgx.Tx, lost, bodies, messages time.Time) error {
	for _, step := range []struct {
		sql  string
		args pgx.NamedArgs
	}{
		{`update control.mail_message set state = 'failed', last_error = 'Nobody delivered it within a day. Try again.'
			where state = 'queued' and queued_at < @lost`, pgx.NamedArgs{"lost": lost}},
		{`update control.mail_message set text = '', html = '' where not keep and text <> '' and state <> 'queued' and queued_at < @bodies`,
			pgx.NamedArgs{"bodies": bodies}},
		{`delete from control.mail_message where state <> 'queued' and queued_at < @messages`, pgx.NamedArgs{"messages": messages}},
		{`delete from control.mail_message where id in (
			select id from control.mail_message where state <> 'queued' order by id desc offset @newest)`, pgx.NamedArgs{"newest": keepNewest}},
	} {
		if _, err := tx.Exec(ctx, step.sql, step.args); err != nil {
			return fmt.Errorf("sweep mail: %w", err)
		}
	}
	return nil
}

func removeTenant(ctx context.Context, pool *pgxpool.Pool, tenant uuid.UUID) (int64, error) {
	done, err := pool.Exec(ctx, `delete from control.mail_message where tenant_id = $1`, tenant)
	if err != nil {
		return 0, fmt.Errorf("delete a tenant's mail: %w", err)
	}
	return done.RowsAffected(), nil
}

// Addresses are compared as people do: whatever their case.
func countTo(ctx context.Context, pool *pgxpool.Pool, email string) (n int64, err error) {
	if err := pool.QueryRow(ctx, `select count(*) from control.mail_message where lower(recipient) = lower($1)`, email).Scan(&n); err != nil {
		return 0, fmt.Errorf("count a person's mail: %w", err)
	}
	return n, nil
}

func removeTo(ctx context.Context, pool *pgxpool.Pool, email string) error {
	if _, err := pool.Exec(ctx, `delete from control.mail_message where lower(recipient) = lower($1)`, email); err != nil {
		return fmt.Errorf("delete a person's mail: %w", err)
	}
	return nil
}

// listOf returns an organisation's letters from the newest on. Their bodies are not read.
func listOf(ctx context.Context, pool *pgxpool.Pool, tenant uuid.UUID, state State, at list.Position) ([]Letter, error) {
	rows, err := pool.Query(ctx, `
		select id, recipient, subject, kind, locale, state, attempts, last_error, state in ('failed', 'bounced') and text <> '', created_at, sent_at
		from control.mail_message
		where tenant_id = @tenant and (@state = '' or state = @state) and `+letters().Where(at)+`
		order by `+letters().By(at)+` limit @limit`,
		list.Fresh, letters().Args(at, pgx.NamedArgs{"tenant": tenant, "state": string(state), "limit": at.Limit + 1}))
	if err != nil {
		return nil, fmt.Errorf("list an organisation's mail: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Letter])
	if err != nil {
		return nil, fmt.Errorf("list an organisation's mail: %w", err)
	}
	return found, nil
}

// getOf reads and locks a letter of an organisation; another one's is not there.
func getOf(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (Stored, error) {
	m, err := get(ctx, tx, id, lockRow)
	if err == nil && (!m.Tenant.Valid || m.Tenant.UUID != tenant) {
		err = errNotFound
	}
	return m, err
}

func deliveries(ctx context.Context, pool *pgxpool.Pool, tenant uuid.UUID, about []uuid.UUID) (map[uuid.UUID]Delivery, error) {
	rows, err := pool.Query(ctx, `
		select distinct on (about) about, state, last_error, created_at from control.mail_message
		where tenant_id = $1 and about = any ($2) order by about, id desc`, tenant, about)
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	found := map[uuid.UUID]Delivery{}
	var of uuid.UUID
	var d Delivery
	if _, err := pgx.ForEachRow(rows, []any{&of, &d.State, &d.Error, &d.At}, func() error { found[of] = d; return nil }); err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	return found, nil
}

func bounced(ctx context.Context, pool *pgxpool.Pool, tenant uuid.UUID, users []uuid.UUID) (map[uuid.UUID]bool, error) {
	rows, err := pool.Query(ctx, `
		select distinct on (about) about, state = 'bounced' from control.mail_message
		where (tenant_id is null or tenant_id = $1) and about = any ($2) order by about, id desc`, tenant, users)
	if err != nil {
		return nil, fmt.Errorf("read bounces: %w", err)
	}
	found := map[uuid.UUID]bool{}
	var of uuid.UUID
	var is bool
	if _, err := pgx.ForEachRow(rows, []any{&of, &is}, func() error { found[of] = is; return nil }); err != nil {
		return nil, fmt.Errorf("read bounces: %w", err)
	}
	return found, nil
}
