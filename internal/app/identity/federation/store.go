package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// inTenant runs fn in a transaction of identity in which no provider and no membership of another tenant is there: row
// level security takes the setting. The conditions on tenant_id are for the index.
func (s *Service) inTenant(ctx context.Context, tenant uuid.UUID, fn func(pgx.Tx) error) error {
	// A parsed UUID has hexadecimal digits and hyphens only.
	begin := "begin; set local identity.tenant = '" + tenant.String() + "'"
	return pgx.BeginTxFunc(ctx, s.Identity, pgx.TxOptions{BeginQuery: begin}, fn)
}

// lock lets one change of a tenant's members happen at a time, among all processes; package member takes the same.
func lock(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: members of "+tenant.String()); err != nil {
		return fmt.Errorf("lock members: %w", err)
	}
	return nil
}

const columns = `p.id, p.tenant_id, p.name, p.issuer, p.client_id, p.client_secret, p.scopes, p.name_claim, p.role_claim, p.group_claim, p.roles,
	p.default_role, p.groups, p.just_in_time, p.second_step, p.enabled, p.by_owner, p.last_test, p.tested_at, p.version`

func scan(row pgx.CollectableRow) (*Provider, error) {
	var p Provider
	var test []byte
	err := row.Scan(&p.ID, &p.Tenant, &p.Name, &p.Issuer, &p.ClientID, &p.sealed, &p.Scopes, &p.NameClaim, &p.RoleClaim, &p.GroupClaim, &p.Roles,
		&p.DefaultRole, &p.Groups, &p.JustInTime, &p.SecondStep, &p.Enabled, &p.ByOwner, &test, &p.TestedAt, &p.Version)
	if err == nil && test != nil {
		err = json.Unmarshal(test, &p.LastTest)
	}
	return &p, err
}

func one(rows pgx.Rows, err error) (*Provider, error) {
	if err != nil {
		return nil, fmt.Errorf("read identity provider: %w", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNoProvider
	}
	if err != nil {
		return nil, fmt.Errorf("read identity provider: %w", err)
	}
	return p, nil
}

func (s *Service) provider(ctx context.Context, id uuid.UUID) (*Provider, error) {
	return one(s.Identity.Query(ctx, `select `+columns+` from identity.federation_provider p where p.id = $1`, id))
}

// enabled is a provider that may sign people in to this tenant now.
func (s *Service) enabled(ctx context.Context, tenant, id uuid.UUID) (*Provider, error) {
	return one(s.Identity.Query(ctx, `
		select `+columns+` from identity.federation_provider p join control.tenant t on t.id = p.tenant_id
		where p.id = $1 and p.tenant_id = $2 and p.enabled and t.status = 'active'`, id, tenant))
}

// Doors are the providers that people of a tenant may choose, and the tenant's rule.
func (s *Service) Doors(ctx context.Context, tenant uuid.UUID) ([]Door, Rule, error) {
	rows, err := s.Identity.Query(ctx, `
		select id, name from identity.federation_provider where tenant_id = $1 and enabled order by lower(name) limit $2`, tenant, maxProviders)
	if err != nil {
		return nil, Rule{}, fmt.Errorf("read identity providers: %w", err)
	}
	doors, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Door])
	if err != nil {
		return nil, Rule{}, fmt.Errorf("read identity providers: %w", err)
	}
	rule, err := readRule(ctx, s.Identity, tenant)
	return doors, rule, err
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func readRule(ctx context.Context, q querier, tenant uuid.UUID) (r Rule, err error) {
	err = q.QueryRow(ctx, `select only_through, version from identity.federation_rule where tenant_id = $1`, tenant).Scan(&r.OnlyThrough, &r.Version)
	if errors.Is(err, pgx.ErrNoRows) {
		return Rule{}, nil
	}
	if err != nil {
		return Rule{}, fmt.Errorf("read sign-in rule: %w", err)
	}
	return r, nil
}

func (s *Service) insertFlow(ctx context.Context, poolID uuid.UUID, state, browser []byte, f flow, expires time.Time) error {
	_, err := s.Identity.Exec(ctx, `
		insert into identity.federation_flow (state_hash, pool_id, provider_id, browser_hash, query, test, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7)`, state, poolID, f.provider, browser, f.query, f.test, expires)
	if err != nil {
		return fmt.Errorf("begin exchange: %w", err)
	}
	return nil
}

// takeFlow uses an exchange up, if it is this browser's (nil: that of nobody yet).
func (s *Service) takeFlow(ctx context.Context, poolID uuid.UUID, state, browser []byte) (f flow, found bool, err error) {
	err = s.Identity.QueryRow(ctx, `
		delete from identity.federation_flow where state_hash = $1 and pool_id = $2 and browser_hash is not distinct from $3 and expires_at > $4
		returning provider_id, query, test`, state, poolID, browser, s.Now()).Scan(&f.provider, &f.query, &f.test)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("take exchange: %w", err)
	}
	return f, true, nil
}

// whyGone says for the log why an exchange cannot be gone on with.
func (s *Service) whyGone(ctx context.Context, poolID uuid.UUID, state, browser []byte) (string, error) {
	var samePool, sameBrowser bool
	var expires time.Time
	err := s.Identity.QueryRow(ctx, `
		select pool_id = $2, browser_hash is not distinct from $3, expires_at from identity.federation_flow where state_hash = $1`, state, poolID, browser).
		Scan(&samePool, &sameBrowser, &expires)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "nobody began a sign-in with this state, or it was used before", nil
	case err != nil:
		return "", fmt.Errorf("read why an exchange is refused: %w", err)
	case !samePool:
		return "the sign-in was begun in another user pool", nil
	case !sameBrowser:
		return "the sign-in was begun in another browser", nil
	}
	return fmt.Sprintf("the sign-in was begun too long ago: it ended at %s, the clock here says %s", expires.UTC().Format(time.RFC3339), s.Now().UTC().Format(time.RFC3339)), nil
}

// person is an account, as a sign-in finds it.
type person struct {
	ID                         uuid.UUID
	Proved, Operator, Disabled bool
}

const personColumns = `u.id, u.email_proved_at is not null, u.operator, u.disabled_at is not null`

// known is whom a provider means by a subject.
func known(ctx context.Context, tx pgx.Tx, provider uuid.UUID, subject string) (person, bool, error) {
	return findPerson(ctx, tx, `
		select `+personColumns+` from identity.federation_identity i join identity."user" u on u.id = i.user_id
		where i.provider_id = $1 and i.subject = $2 for update of u`, provider, subject)
}

// addressed is who has an e-mail address in a pool.
func addressed(ctx context.Context, tx pgx.Tx, poolID uuid.UUID, email string) (person, bool, error) {
	return findPerson(ctx, tx, `
		select `+personColumns+` from identity."user" u where u.pool_id = $1 and u.email_key = $2 for update`, poolID, address.Key(email))
}

func findPerson(ctx context.Context, tx pgx.Tx, query string, args ...any) (p person, found bool, err error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return p, false, fmt.Errorf("read user: %w", err)
	}
	p, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[person])
	if errors.Is(err, pgx.ErrNoRows) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("read user: %w", err)
	}
	return p, true, nil
}

func insertPerson(ctx context.Context, tx pgx.Tx, poolID uuid.UUID, email, key, name string, proved *time.Time) (id uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `
		insert into identity."user" (pool_id, email, email_key, email_proved_at, name) values ($1, $2, $3, $4, $5) returning id`,
		poolID, email, key, proved, name).Scan(&id)
	if err != nil {
		return uuid.Nil, fmt.Errorf("insert user: %w", err)
	}
	return id, nil
}

// link remembers whom a provider means. A subject never changes its account by this.
func link(ctx context.Context, tx pgx.Tx, provider uuid.UUID, subject string, user uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `
		insert into identity.federation_identity as i (provider_id, subject, user_id, linked_at, seen_at) values ($1, $2, $3, $4, $4)
		on conflict (provider_id, subject) do update set seen_at = excluded.seen_at`, provider, subject, user, now)
	if err != nil {
		return fmt.Errorf("link identity: %w", err)
	}
	return nil
}

// membership is what a user is in a tenant, removed members included; status "" when they never were.
func membership(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID) (role tenancy.Role, status string, err error) {
	err = tx.QueryRow(ctx, `select role, status from identity.membership where tenant_id = $1 and user_id = $2 for update`, tenant, user).Scan(&role, &status)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read membership: %w", err)
	}
	return role, status, nil
}

func insertMember(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, role tenancy.Role) error {
	_, err := tx.Exec(ctx, `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, $3)`, user, tenant, string(role))
	if err != nil {
		return fmt.Errorf("insert membership: %w", err)
	}
	return nil
}

func updateRole(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, role tenancy.Role) error {
	_, err := tx.Exec(ctx, `update identity.membership set role = $3, epoch = epoch + 1 where tenant_id = $1 and user_id = $2`, tenant, user, string(role))
	if err != nil {
		return fmt.Errorf("update role: %w", err)
	}
	return nil
}

func readAll(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) ([]*Provider, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from identity.federation_provider p where p.tenant_id = $1 order by lower(p.name) limit $2`, tenant, maxProviders)
	if err != nil {
		return nil, fmt.Errorf("list identity providers: %w", err)
	}
	return pgx.CollectRows(rows, scan)
}

// get reads and locks a provider of a tenant.
func get(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (*Provider, error) {
	return one(tx.Query(ctx, `select `+columns+` from identity.federation_provider p where p.id = $1 and p.tenant_id = $2 for update`, id, tenant))
}

func (p *Provider) args() pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": p.ID, "tenant": p.Tenant, "name": p.Name, "issuer": p.Issuer, "client": p.ClientID, "secret": p.sealed, "scopes": p.Scopes,
		"name_claim": p.NameClaim, "role_claim": p.RoleClaim, "group_claim": p.GroupClaim, "roles": p.Roles, "default_role": string(p.DefaultRole),
		"groups": p.Groups, "just_in_time": p.JustInTime, "second_step": p.SecondStep, "enabled": p.Enabled, "by_owner": p.ByOwner,
	}
}

func insert(ctx context.Context, tx pgx.Tx, p *Provider) (*Provider, error) {
	return taken(tx.Query(ctx, `
		insert into identity.federation_provider as p (id, tenant_id, name, issuer, client_id, client_secret, scopes, name_claim, role_claim, group_claim,
			roles, default_role, groups, just_in_time, second_step, enabled, by_owner)
		values (@id, @tenant, @name, @issuer, @client, @secret, @scopes, @name_claim, @role_claim, @group_claim,
			@roles, @default_role, @groups, @just_in_time, @second_step, @enabled, @by_owner) returning `+columns, p.args()))
}

func update(ctx context.Context, tx pgx.Tx, p *Provider) (*Provider, error) {
	return taken(tx.Query(ctx, `
		update identity.federation_provider p set name = @name, issuer = @issuer, client_id = @client, client_secret = @secret, scopes = @scopes,
			name_claim = @name_claim, role_claim = @role_claim, group_claim = @group_claim, roles = @roles, default_role = @default_role, groups = @groups,
			just_in_time = @just_in_time, second_step = @second_step, enabled = @enabled, by_owner = @by_owner, version = p.version + 1, updated_at = now()
		where p.id = @id and p.tenant_id = @tenant returning `+columns, p.args()))
}

// taken also tells that the tenant has a provider of this name.
func taken(rows pgx.Rows, err error) (*Provider, error) {
	p, err := one(rows, err)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return nil, ErrName
	}
	return p, err
}

// forgetIdentities unlinks everybody: another issuer may mean others by the same subjects.
func forgetIdentities(ctx context.Context, tx pgx.Tx, provider uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from identity.federation_identity where provider_id = $1`, provider); err != nil {
		return fmt.Errorf("unlink identities: %w", err)
	}
	return nil
}

// endSessions ends what a provider opened.
func endSessions(ctx context.Context, tx pgx.Tx, provider uuid.UUID) error {
	for _, statement := range []string{
		`delete from identity.auth_code where browser_session_id in (select id from identity.browser_session where provider_id = $1)`,
		`delete from identity.token_family where browser_session_id in (select id from identity.browser_session where provider_id = $1)`,
		`delete from identity.browser_session where provider_id = $1`,
		`delete from identity.federation_flow where provider_id = $1`,
		`delete from identity.challenge where provider_id = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, provider); err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
	}
	return nil
}

// endOthers ends the tenant's sign-ins by other means than its providers, but for owners.
func endOthers(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	const of = ` f where f.tenant_id = $1
		and not exists (select from identity.browser_session b where b.id = f.browser_session_id and b.provider_id is not null)
		and not exists (select from identity.membership m where m.tenant_id = $1 and m.user_id = f.user_id and m.role = 'owner')`
	for _, table := range []string{"auth_code", "token_family"} {
		if _, err := tx.Exec(ctx, `delete from identity.`+table+of, tenant); err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
	}
	return nil
}

func remove(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) error {
	if err := endSessions(ctx, tx, id); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `delete from identity.federation_provider where id = $1 and tenant_id = $2`, id, tenant); err != nil {
		return fmt.Errorf("remove identity provider: %w", err)
	}
	return nil
}

func writeRule(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, only bool) (r Rule, err error) {
	err = tx.QueryRow(ctx, `
		insert into identity.federation_rule as r (tenant_id, only_through) values ($1, $2)
		on conflict (tenant_id) do update set only_through = excluded.only_through, version = r.version + 1
		returning only_through, version`, tenant, only).Scan(&r.OnlyThrough, &r.Version)
	if err != nil {
		return Rule{}, fmt.Errorf("write sign-in rule: %w", err)
	}
	return r, nil
}

// saveTest keeps what a sign-in that only tested came to. The version stays: no setting has changed.
func (s *Service) saveTest(ctx context.Context, provider uuid.UUID, steps []Step) error {
	text, err := json.Marshal(steps)
	if err == nil {
		_, err = s.Identity.Exec(ctx, `update identity.federation_provider set last_test = $2, tested_at = $3 where id = $1`, provider, text, s.Now())
	}
	if err != nil {
		return fmt.Errorf("save test: %w", err)
	}
	return nil
}

// poolOf is the pool of a tenant's people.
func (s *Service) poolOf(ctx context.Context, tenant uuid.UUID) (p access.Pool, err error) {
	err = s.Identity.QueryRow(ctx, `select id, name from identity.pool where id = identity.pool_of($1)`, tenant).Scan(&p.ID, &p.Name)
	if err != nil {
		return p, fmt.Errorf("read the tenant's pool: %w", err)
	}
	return p, nil
}

// lockProviders lets one change of how a tenant's people sign in happen at a time.
func lockProviders(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: providers of "+tenant.String()); err != nil {
		return fmt.Errorf("lock identity providers: %w", err)
	}
	return nil
}

func anyEnabled(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (open bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select from identity.federation_provider where tenant_id = $1 and enabled)`, tenant).Scan(&open)
	if err != nil {
		return false, fmt.Errorf("look for an identity provider: %w", err)
	}
	return open, nil
}
