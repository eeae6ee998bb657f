package chain_test

import (
	"context"
	"encoding/base64"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// keeping is a database with a sealer and a tenant.
type keeping struct {
	t      testing.TB
	d      *dbtest.Database
	sealer *chain.Sealer
	verify *chain.Verifier
	ctx    context.Context //nolint:containedctx // the tenant's own scope
	tenant uuid.UUID
}

func signer(t testing.TB, fill string) *proof.Signer {
	t.Helper()
	key, err := secret.Load("", base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fill, 32))))
	if err != nil {
		t.Fatal(err)
	}
	s, err := proof.New(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newKeeping(t testing.TB) *keeping {
	t.Helper()
	d := dbtest.New(t)
	places, err := db.NewPlaces(d.Control)
	if err != nil {
		t.Fatal(err)
	}
	s := signer(t, "a")
	keeper := &db.Keeper{Pool: d.Worker, Places: places}
	k := &keeping{
		t: t, d: d, ctx: d.Tenant(t, "alpha", tenancy.RoleOwner),
		sealer: &chain.Sealer{Keeper: keeper, Pool: d.Worker, Signer: s, Log: slog.New(slog.DiscardHandler)},
		verify: &chain.Verifier{Keeper: keeper, Keys: chain.Keys{s.Public()}},
	}
	scope, _ := tenancy.From(k.ctx)
	k.tenant = scope.Tenant
	return k
}

// write adds entries in transactions of their own.
func (k *keeping) write(ctx context.Context, from, to int) {
	k.t.Helper()
	for n := from; n < to; n++ {
		err := k.d.App.InTenant(ctx, "any", func(tx pgx.Tx) error {
			return audit.Add(ctx, tx, audit.Entry{Action: "tested", Target: strconv.Itoa(n), Before: map[string]any{"n": n, "same": true}, After: map[string]any{"n": n + 1, "same": true}})
		})
		if err != nil {
			k.t.Fatal(err)
		}
	}
}

func (k *keeping) round() int {
	k.t.Helper()
	n, err := k.sealer.Round(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	return n
}

func (k *keeping) report(holds string) *chain.Report {
	k.t.Helper()
	r, err := k.verify.Verify(k.t.Context(), k.tenant, chain.Limits{Holds: holds})
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

func (k *keeping) intact(entries int64) *chain.Report {
	k.t.Helper()
	r := k.report("")
	if !r.Intact() || r.Entries != entries || r.Waiting != 0 {
		k.t.Fatalf("%+v, want %d sealed entries and no fault", r, entries)
	}
	return r
}

// as runs SQL as the database's owner, or as whoever the pool is of.
func (k *keeping) as(pool *pgxpool.Pool, sql string, args ...any) {
	k.t.Helper()
	if _, err := pool.Exec(k.t.Context(), sql, args...); err != nil {
		k.t.Fatalf("%s: %v", sql, err)
	}
}

func TestWhatIsCommittedIsSealed(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	if n := k.round(); n != 0 {
		t.Errorf("%d entries sealed of none", n)
	}
	k.write(k.ctx, 0, 5)
	if r := k.report(""); r.Waiting != 5 || !r.Intact() {
		t.Errorf("before the seal: %+v", r)
	}
	if n := k.round(); n != 5 {
		t.Errorf("%d entries sealed, want 5", n)
	}
	k.write(k.ctx, 5, 8)
	k.round()
	if r := k.intact(8); r.Seals != 2 || r.Head.Seq != 2 {
		t.Errorf("%+v", r)
	}
	if n := k.round(); n != 0 {
		t.Errorf("%d entries sealed twice", n)
	}
}

// An entry whose transaction commits late has a lower id than others that are sealed by then.
func TestALateCommitIsSealedAfterThoseThatBeganLater(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	err := k.d.App.InTenant(k.ctx, "any", func(tx pgx.Tx) error {
		if err := audit.Record(k.ctx, tx, "tested", "late", nil); err != nil {
			return err
		}
		k.write(k.ctx, 0, 3)
		if n := k.round(); n != 3 {
			t.Errorf("%d sealed, want what is committed", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	k.round()
	k.intact(4)
}

func TestARollbackLeavesNothingToSeal(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	_ = k.d.App.InTenant(k.ctx, "any", func(tx pgx.Tx) error {
		_ = audit.Record(k.ctx, tx, "tested", "never", nil)
		return context.Canceled
	})
	if n := k.round(); n != 0 {
		t.Errorf("%d sealed", n)
	}
	k.intact(0)
}

// Seals of a thousand entries, by two sealers at once, one of which is cut off again and again.
func TestSealersThatAreKilledOrCompeteSealEveryEntryOnce(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	const entries = 5200
	err := k.d.App.InTenant(k.ctx, "any", func(tx pgx.Tx) error {
		_, err := tx.Exec(k.ctx, `insert into audit_entry (action, target) select 'tested', n::text from generate_series(1, $1::int) n`, entries)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		var err error
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 7*time.Millisecond)
			_, err = k.sealer.Tenant(ctx, k.tenant)
			cancel()
		}
		_ = err // cut off, as it is meant to be
		_, err = k.sealer.Round(t.Context())
		done <- err
	}()
	if _, err := k.sealer.Round(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	k.round()
	k.intact(entries)
}

func TestAChainMovesWithItsTenant(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.write(k.ctx, 0, 3)
	k.round()
	k.write(k.ctx, 3, 5) // not sealed when it moves
	if err := k.d.MakeSilo(t.Context(), k.tenant); err != nil {
		t.Fatal(err)
	}
	if _, err := k.d.ToSilo(t.Context(), k.tenant); err != nil {
		t.Fatal(err)
	}
	if err := k.d.CleanPool(t.Context(), k.tenant); err != nil {
		t.Fatal(err)
	}
	k.verify.Keeper.Places.Forget(k.tenant)
	k.write(k.ctx, 5, 7)
	if n := k.round(); n != 4 {
		t.Errorf("%d sealed in the silo, want 4", n)
	}
	k.intact(7)
	if _, err := k.d.ToPool(t.Context(), k.tenant); err != nil {
		t.Fatal(err)
	}
	if err := k.d.DropSilo(t.Context(), k.tenant); err != nil {
		t.Fatal(err)
	}
	k.verify.Keeper.Places.Forget(k.tenant)
	k.write(k.ctx, 7, 9)
	k.round()
	if r := k.intact(9); r.Seals != 3 {
		t.Errorf("%+v", r)
	}
}

// A sealer that does not know yet that the tenant has moved does no harm and comes right.
func TestASealerFollowsATenantThatMoved(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.write(k.ctx, 0, 2)
	k.round()
	if err := k.d.MakeSilo(t.Context(), k.tenant); err != nil {
		t.Fatal(err)
	}
	if _, err := k.d.ToSilo(t.Context(), k.tenant); err != nil {
		t.Fatal(err)
	}
	k.write(k.ctx, 2, 4)
	if n := k.round() + k.round(); n != 2 {
		t.Errorf("%d sealed after the move", n)
	}
	k.intact(4)
}

func TestOldEntriesGoAndTheChainHolds(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.write(k.ctx, 0, 3)
	k.as(k.d.Owner, `update audit_entry set at = now() - interval '40 days'`)
	k.round()
	k.write(k.ctx, 3, 5)
	k.as(k.d.Owner, `update audit_entry set at = now() - interval '20 days' where target >= '3'`)
	k.round()
	k.write(k.ctx, 5, 6)
	k.round()
	for _, c := range []struct {
		days, deleted, left int64
	}{{30, 3, 3}, {30, 0, 3}, {10, 2, 1}, {0, 0, 1}, {-3650, 0, 1}} {
		n, err := k.sealer.Retain(t.Context(), k.tenant, time.Now().AddDate(0, 0, -int(c.days)))
		if err != nil || n != c.deleted {
			t.Fatalf("%d days: %d deleted, %v; want %d", c.days, n, err, c.deleted)
		}
		k.intact(c.left)
	}
	if r := k.report(""); r.Deleted != 5 || r.Head.Seq != 3 {
		t.Errorf("%+v", r)
	}
	k.write(k.ctx, 6, 7)
	k.round()
	k.intact(2)
}

// When nothing is left the chain goes on from the checkpoint all the same.
func TestAChainGoesOnWhenAllOfItIsOld(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.write(k.ctx, 0, 2)
	k.as(k.d.Owner, `update audit_entry set at = now() - interval '40 days'`)
	k.round()
	if n, err := k.sealer.Retain(t.Context(), k.tenant, time.Now().AddDate(0, 0, -30)); err != nil || n != 2 {
		t.Fatalf("%d deleted, %v", n, err)
	}
	k.write(k.ctx, 2, 3)
	k.round()
	if r := k.intact(1); r.Head.Seq != 2 {
		t.Errorf("%+v", r)
	}
}

// Nobody but the program's keeper changes seals or removes entries: neither the tenant's role nor the keeper without a scope.
func TestLogsAreAppendOnly(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	other := k.d.Tenant(t, "bravo", tenancy.RoleOwner)
	k.write(k.ctx, 0, 2)
	k.write(other, 0, 2)
	k.round()
	for _, sql := range []string{
		`update audit_entry set target = 'x'`, `delete from audit_entry`, `truncate audit_entry`,
		`update audit_seal set document = 'x'`, `delete from audit_seal`, `delete from audit_checkpoint`,
		`insert into audit_seal (seq, document, signature, key_id, entries, newest, sealed_at) values (9, '', '', '', 1, now(), now())`,
		`insert into audit_checkpoint (seq, document, signature, key_id) values (9, '', '', '')`,
		`delete from app.audit_unsealed`, `select * from app.audit_unsealed`, `insert into app.audit_unsealed values (gen_random_uuid(), gen_random_uuid())`,
		`alter table audit_entry disable trigger queue`, `drop trigger queue on audit_entry`,
	} {
		err := k.d.App.InTenant(k.ctx, "any", func(tx pgx.Tx) error { _, err := tx.Exec(k.ctx, sql); return err })
		if err == nil {
			t.Errorf("the tenant's role may %s", sql)
		}
	}
	for _, sql := range []string{`delete from pool.audit_entry`, `delete from pool.audit_seal`} {
		if _, err := k.d.Worker.Exec(t.Context(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
		err := k.verify.Keeper.InTenant(t.Context(), k.tenant, func(tx pgx.Tx) error { _, err := tx.Exec(t.Context(), sql); return err })
		if err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	k.intact(2)
	if r, err := k.verify.Verify(t.Context(), tenantOf(other), chain.Limits{}); err != nil || !r.Intact() || r.Entries != 2 {
		t.Errorf("the other tenant's chain: %+v, %v", r, err)
	}
}

func tenantOf(ctx context.Context) uuid.UUID {
	scope, _ := tenancy.From(ctx)
	return scope.Tenant
}
