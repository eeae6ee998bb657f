package chain_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// operate adds entries to the operators' log in transactions of their own, as the program does.
func (k *keeping) operate(pool *pgxpool.Pool, from, to int) {
	k.t.Helper()
	ctx := tenancy.With(k.t.Context(), tenancy.Scope{User: uuid.New(), Operator: true})
	for n := from; n < to; n++ {
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			return audit.Operated(ctx, tx, audit.Operation{Tenant: k.tenant, Reason: "because", Entry: audit.Entry{
				Action: "tested", Target: strconv.Itoa(n), Before: map[string]any{"n": n}, After: map[string]any{"n": n + 1},
			}})
		})
		if err != nil {
			k.t.Fatal(err)
		}
	}
}

func (k *keeping) operators(ctx context.Context) *chain.Report {
	k.t.Helper()
	r, err := k.verify.Verify(ctx, chain.Operators(), chain.Limits{})
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

// The operators' log is sealed beside those of the tenants, whichever role has written into it.
func TestTheOperatorsLogIsSealed(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.write(k.ctx, 0, 2)
	k.operate(k.d.Control, 0, 3)
	k.operate(k.d.Identity, 3, 4)
	if n := k.round(); n != 6 {
		t.Errorf("%d were sealed", n)
	}
	k.intact(2)
	r := k.operators(t.Context())
	if !r.Intact() || r.Entries != 4 || r.Waiting != 0 || r.Seals != 1 {
		t.Errorf("%+v", r)
	}
	state, err := k.verify.State(t.Context(), chain.Operators())
	if err != nil || state.Head.String() != r.Head.String() {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestNobodyTampersWithTheOperatorsLogUnseen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]tampering{
		"a reason":         {`update control.audit_entry set reason = 'another' where target = '3'`, "changed", 2},
		"its organisation": {`update control.audit_entry set tenant_id = null where target = '3'`, "changed", 2},
		"before":           {`update control.audit_entry set before = '{"n": 9}' where target = '3'`, "changed", 2},
		"two exchanged":    {`update control.audit_entry set target = case target when '3' then '4' else '3' end where target in ('3', '4')`, "changed", 2},
		"one removed":      {`delete from control.audit_entry where target = '3'`, "removed", 2},
		"one added":        {`insert into control.audit_entry (action, target) values ('made.up', 'x')`, "added", 0},
		"a seal removed":   {`delete from control.audit_seal where seq = 1`, "missing", 1},
		"a tenant's seal": {`delete from control.audit_seal where seq = 2;
			insert into control.audit_seal select 2, document, signature, key_id, entries, newest, sealed_at from pool.audit_seal where seq = 2`, "another organisation", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeeping(t)
			for n := range 2 {
				k.operate(k.d.Control, 3*n, 3*n+3)
				k.write(k.ctx, 3*n, 3*n+3)
				k.round()
			}
			if r := k.operators(t.Context()); !r.Intact() || r.Entries != 6 {
				t.Fatalf("%+v", r)
			}
			for statement := range strings.SplitSeq(c.sql, ";\n") {
				k.as(k.d.Owner, statement)
			}
			r := k.operators(t.Context())
			if r.Intact() || !strings.Contains(r.Faults[0].Problem, c.want) || r.Faults[0].Seal != c.at {
				t.Errorf("%+v, want %q at seal %d", r.Faults, c.want, c.at)
			}
			k.operate(k.d.Control, 20, 22)
			k.round()
			if r := k.operators(t.Context()); r.Intact() {
				t.Error("after another seal nothing is found")
			}
		})
	}
}

// An operator's entry and a tenant's of the same words have not the same hash: neither stands for the other.
func TestEntriesOfBothLogsAreNotTheSame(t *testing.T) {
	t.Parallel()
	e := chain.Entry{ID: uuid.New(), Action: "tested", Kind: "operator"}
	ours, err := e.Hash(chain.Operators())
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err := e.Hash(uuid.New()); err != nil || ours == theirs {
		t.Errorf("%x, %v", theirs, err)
	}
}

// The roles of the program add to the operators' log and its seals, and change neither.
func TestTheOperatorsLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.operate(k.d.Control, 0, 1)
	k.round()
	for _, pool := range []*pgxpool.Pool{k.d.Control, k.d.Worker, k.d.Identity} {
		for _, statement := range []string{
			`update control.audit_entry set reason = ''`, `delete from control.audit_entry`, `truncate control.audit_entry`,
			`update control.audit_seal set document = ''`, `delete from control.audit_seal`, `delete from control.audit_checkpoint`,
			`insert into control.audit_checkpoint values (1, '', '', '')`, `alter table control.audit_entry disable trigger queue`,
		} {
			if _, err := pool.Exec(t.Context(), statement); err == nil {
				t.Errorf("%s: %s is possible", pool.Config().ConnConfig.User, statement)
			}
		}
	}
	for _, statement := range []string{`insert into control.audit_entry (action) values ('made.up')`, `select from control.tenant`, `select from control.tier`} {
		if _, err := k.d.Worker.Exec(t.Context(), statement); err == nil {
			t.Errorf("worker: %s is possible", statement)
		}
	}
}
