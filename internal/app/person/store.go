package person

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func sameEmail(a, b string) bool { return fold(a) == fold(b) }

// fold is how identity compares addresses.
func fold(email string) string {
	return norm.NFC.String(strings.ToLower(norm.NFKC.String(strings.TrimSpace(email))))
}

func (s *Service) account(ctx context.Context, user uuid.UUID) (a account, err error) {
	err = s.Identity.QueryRow(ctx, `
		select u.id, p.name, u.email, u.password_hash is not null, u.operator
		from identity."user" u join identity.pool p on p.id = u.pool_id where u.id = $1`, user).
		Scan(&a.ID, &a.Pool, &a.Email, &a.HasPassword, &a.Operator)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, db.ErrNoScope
	}
	if err != nil {
		return a, fmt.Errorf("read account: %w", err)
	}
	return a, nil
}

// homes are the tenants that a person is or was a member of and that have data.
func (s *Service) homes(ctx context.Context, user uuid.UUID) ([]home, error) {
	rows, err := s.Identity.Query(ctx, `
		select t.id, t.name, t.title from identity.membership m join control.tenant t on t.id = m.tenant_id
		where m.user_id = $1 and t.status <> 'purged' order by t.id`, user)
	if err != nil {
		return nil, fmt.Errorf("read memberships: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[home])
}

// mayLeave refuses the last owner of an organisation and the last operator. Until the transaction ends nobody else stops
// being one.
func mayLeave(ctx context.Context, tx pgx.Tx, who account) error {
	if err := lockTenants(ctx, tx, who.ID); err != nil {
		return err
	}
	var title string
	err := tx.QueryRow(ctx, `
		select t.title from identity.membership m join control.tenant t on t.id = m.tenant_id
		where m.user_id = $1 and m.role = 'owner' and m.status = 'active' and t.status <> 'purged' and not exists (
			select from identity.membership o join identity."user" u on u.id = o.user_id
			where o.tenant_id = m.tenant_id and o.user_id <> $1 and o.role = 'owner' and o.status = 'active' and u.disabled_at is null)
		order by t.id limit 1`, who.ID).Scan(&title)
	if err == nil {
		return ErrOwner.Because("You are the only owner of %s. Make another member an owner first, or ask an operator to close the organisation.", title)
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("look for other owners: %w", err)
	}
	if !who.Operator {
		return nil
	}
	var others bool
	err = tx.QueryRow(ctx, `
		select exists (select from identity."user" where operator and id <> $1 and disabled_at is null) from pg_advisory_xact_lock(hashtextextended('identity: operators', 0))`,
		who.ID).Scan(&others)
	if err != nil {
		return fmt.Errorf("look for other operators: %w", err)
	}
	if !others {
		return ErrOperator
	}
	return nil
}

// lockTenants holds the changes of members in the person's tenants, in one order for all, by the lock that package member
// takes.
func lockTenants(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	rows, err := tx.Query(ctx, `select tenant_id from identity.membership where user_id = $1 order by tenant_id`, user)
	if err != nil {
		return fmt.Errorf("read memberships: %w", err)
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("read memberships: %w", err)
	}
	for _, t := range tenants {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: members of "+t.String()); err != nil {
			return fmt.Errorf("lock members: %w", err)
		}
	}
	return nil
}

// eraseIn deletes a person's rows in one tenant, in one transaction with its audit entry, and counts before and after.
func (s *Service) eraseIn(ctx context.Context, tenant, user uuid.UUID, record bool) (counted []Counted, err error) {
	ctx = tenancy.System(ctx, tenant)
	err = s.DB.InWholeTenant(ctx, policy.TenantSystem, func(tx pgx.Tx) error {
		all, err := tables(ctx, tx)
		if err != nil {
			return err
		}
		if counted, err = tally(ctx, tx, all, tenant, user); err != nil {
			return err
		}
		for _, name := range sorted(all) {
			if !all[name].owned() {
				continue
			}
			where := condition(all, name, deleted, "t", 0)
			if _, err := tx.Exec(ctx, "delete from "+quote(name)+" t where "+where, pgx.NamedArgs{"user": user}); err != nil {
				return fmt.Errorf("erase from %s: %w", name, err)
			}
		}
		after, err := tally(ctx, tx, all, tenant, user)
		if err != nil {
			return err
		}
		for i := range counted {
			counted[i].After = after[i].Before
		}
		if !record {
			return nil
		}
		return audit.Record(ctx, tx, "person.erased", user.String(), nil)
	})
	return counted, err
}

// personal lists identity's tables that have rows of persons, with the columns that open nothing.
func personal(ctx context.Context, tx pgx.Tx) (list []table, err error) {
	rows, err := tx.Query(ctx, `
		select c.relname::text, array_agg(a.attname::text order by a.attnum) filter (
			where a.atttypid <> 'bytea'::regtype and a.attname not like '%hash%' and a.attname <> 'request')
		from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		where c.relnamespace = 'identity'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'erasure'
		group by c.oid, c.relname having bool_or(a.attname = 'user_id') order by c.relname`)
	if err != nil {
		return nil, fmt.Errorf("list identity's tables: %w", err)
	}
	var t table
	if _, err = pgx.ForEachRow(rows, []any{&t.Name, &t.Columns}, func() error {
		list = append(list, table{Name: t.Name, Columns: append([]string(nil), t.Columns...)})
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list identity's tables: %w", err)
	}
	return list, nil
}

// leave deletes the account, and with it all that hangs on it.
func leave(ctx context.Context, tx pgx.Tx, user uuid.UUID) ([]Counted, error) {
	before, err := tallyIdentity(ctx, tx, user)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, `
		delete from identity.invitation i using identity."user" u
		where u.id = $1 and i.email_key = u.email_key and u.pool_id = identity.pool_of(i.tenant_id)`, user); err != nil {
		return nil, fmt.Errorf("delete invitations: %w", err)
	}
	if _, err := tx.Exec(ctx, `delete from identity."user" where id = $1`, user); err != nil {
		return nil, fmt.Errorf("delete account: %w", err)
	}
	after, err := tallyIdentity(ctx, tx, user)
	if err != nil {
		return nil, err
	}
	for i := range before {
		before[i].After = after[i].Before
	}
	return before, nil
}

func tallyIdentity(ctx context.Context, tx pgx.Tx, user uuid.UUID) (list []Counted, err error) {
	found, err := personal(ctx, tx)
	if err != nil {
		return nil, err
	}
	count := func(name, column string) error {
		c := Counted{Where: "identity", Table: name, Treatment: deleted}
		if err := tx.QueryRow(ctx, "select count(*) from identity."+quote(name)+" where "+column+" = $1", user).Scan(&c.Before); err != nil {
			return fmt.Errorf("count %s: %w", name, err)
		}
		list = append(list, c)
		return nil
	}
	if err := count("user", "id"); err != nil {
		return nil, err
	}
	for _, t := range found {
		if err := count(t.Name, "user_id"); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// keep stores a proof, once.
func (s *Service) keep(ctx context.Context, user uuid.UUID, p proof.Proof) error {
	_, err := s.Identity.Exec(ctx, `
		insert into identity.erasure (user_id, document, signature, key_id) values ($1, $2, $3, $4) on conflict do nothing`,
		user, p.Document, p.Signature, p.KeyID)
	if err != nil {
		return fmt.Errorf("keep the proof: %w", err)
	}
	return nil
}
