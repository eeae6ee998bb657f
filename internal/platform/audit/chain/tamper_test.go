package chain_test

import (
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// tampering is what somebody who owns the database may try, who does not have the master key, and what Verify must say.
type tampering struct {
	sql  string
	want string
	at   int64 // the seal at which the chain breaks; 0: beside it
}

func tamperings() map[string]tampering {
	const second = `select seq from audit_seal order by seq offset 1 limit 1`
	return map[string]tampering{
		"a detail":        {`update audit_entry set detail = '{"x": 1}' where target = '3'`, "changed", 2},
		"an actor":        {`update audit_entry set actor = gen_random_uuid() where target = '3'`, "changed", 2},
		"no actor":        {`update audit_entry set actor = null where target = '3'`, "changed", 2},
		"a kind":          {`update audit_entry set kind = 'program' where target = '3'`, "changed", 2},
		"an action":       {`update audit_entry set action = 'other' where target = '3'`, "changed", 2},
		"a time":          {`update audit_entry set at = at + interval '1 microsecond' where target = '3'`, "changed", 2},
		"before":          {`update audit_entry set before = null where target = '3'`, "changed", 2},
		"after":           {`update audit_entry set after = '{"n": 40}' where target = '3'`, "changed", 2},
		"an address":      {`update audit_entry set address = '192.0.2.1' where target = '3'`, "changed", 2},
		"a request":       {`update audit_entry set request = 'x' where target = '3'`, "changed", 2},
		"a target":        {`update audit_entry set target = '33' where target = '3'`, "changed", 2},
		"another id":      {`update audit_entry set id = gen_random_uuid() where target = '3'`, "removed", 2},
		"two exchanged":   {`update audit_entry e set target = case target when '3' then '4' else '3' end where target in ('3', '4')`, "changed", 2},
		"a row removed":   {`delete from audit_entry where target = '3'`, "removed", 2},
		"the first":       {`delete from audit_entry where target = '0'`, "removed", 1},
		"all of a seal":   {`delete from audit_entry where target in ('3', '4', '5')`, "removed", 2},
		"another tenant":  {`update audit_entry set tenant_id = '00000000-0000-7000-8000-000000000001' where target = '3'`, "removed", 2},
		"a row added":     {`insert into audit_entry (tenant_id, action, target) select tenant_id, 'made.up', 'x' from audit_entry limit 1`, "added", 0},
		"an old one":      {`insert into audit_entry (tenant_id, action, target, at) select tenant_id, 'made.up', 'x', now() - interval '1 year' from audit_entry limit 1`, "added", 0},
		"a seal removed":  {`delete from audit_seal where seq = 2`, "missing", 2},
		"the first seal":  {`delete from audit_seal where seq = 1`, "missing", 1},
		"a seal and its":  {`delete from audit_seal where seq = 2; delete from audit_entry where target in ('3', '4', '5')`, "missing", 2},
		"seals renamed":   {`delete from audit_seal where seq = 2; update audit_seal set seq = 2 where seq = 3`, "not the program's", 2},
		"seals exchanged": {`update audit_seal set seq = 9 where seq = 1; update audit_seal set seq = 1 where seq = 2; update audit_seal set seq = 2 where seq = 9`, "not the program's", 1},
		"a document":      {`update audit_seal set document = replace(document, '"seq":2', '"seq":2 ') where seq = 2`, "not the program's", 2},
		"a signature":     {`update audit_seal set signature = set_byte(signature, 3, get_byte(signature, 3) # 1) where seq = 2`, "not the program's", 2},
		"no signature":    {`update audit_seal set signature = '' where seq = 2`, "not the program's", 2},
		"a key":           {`update audit_seal set key_id = 'mine' where seq = 2`, "not the program's", 2},
		"a count":         {`update audit_seal set entries = 99 where seq = 2`, "not the program's", 2},
		"its time":        {`update audit_seal set sealed_at = now() where seq = (` + second + `)`, "not the program's", 2},
		"its newest":      {`update audit_seal set newest = now() - interval '1 year' where seq = 2`, "not the program's", 2},
		"a twin":          {`update audit_seal s set document = o.document, signature = o.signature, entries = o.entries, newest = o.newest, sealed_at = o.sealed_at from audit_seal o where s.seq = 2 and o.seq = 1`, "not the program's", 2},
		"a checkpoint":    {`insert into audit_checkpoint (tenant_id, seq, document, signature, key_id) select tenant_id, 2, document, signature, key_id from audit_seal where seq = 1; delete from audit_seal where seq <= 2`, "not the program's", 2},
		"no queue":        {`insert into audit_entry (tenant_id, action, target) select tenant_id, 'made.up', 'x' from audit_entry limit 1; delete from app.audit_unsealed`, "added", 0},
	}
}

func TestTheOwnerOfTheDatabaseCannotTamperUnseen(t *testing.T) {
	t.Parallel()
	for name, c := range tamperings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeeping(t)
			for n := range 3 {
				k.write(k.ctx, 3*n, 3*n+3)
				k.round()
			}
			k.intact(9)
			for statement := range strings.SplitSeq(c.sql, "; ") {
				k.as(k.d.Owner, statement)
			}
			r := k.report("")
			if r.Intact() || !strings.Contains(r.Faults[0].Problem, c.want) || r.Faults[0].Seal != c.at {
				t.Errorf("%+v, want %q at seal %d", r.Faults, c.want, c.at)
			}
			// The sealer does not wash it clean.
			k.write(k.ctx, 20, 22)
			k.round()
			if r := k.report(""); r.Intact() {
				t.Error("after another seal nothing is found")
			}
		})
	}
}

// Whoever makes all seals anew has another key.
func TestSealsThatAreMadeAnewAreFound(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.write(k.ctx, 0, 3)
	k.round()
	k.as(k.d.Owner, `update audit_entry set target = 'other' where target = '1'`)
	k.as(k.d.Owner, `delete from audit_seal`)
	k.as(k.d.Owner, `insert into app.audit_unsealed select tenant_id, id from audit_entry`)
	forger := *k.sealer
	forger.Signer = signer(t, "b")
	if n, err := forger.Round(t.Context()); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	if r := k.report(""); r.Intact() || !strings.Contains(r.Faults[0].Problem, "not this installation's") {
		t.Errorf("%+v", r.Faults)
	}
	// Under our key's name it is no better.
	k.as(k.d.Owner, `update audit_seal set key_id = $1`, proof.KeyID(signer(t, "a").Public()))
	if r := k.report(""); r.Intact() {
		t.Error("a forged seal under our key's name is taken")
	}
}

// Seals of another tenant are no seals of this one.
func TestAnotherTenantsChainIsNotTaken(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	other := k.d.Tenant(t, "bravo", tenancy.RoleOwner)
	k.write(k.ctx, 0, 3)
	k.write(other, 0, 3)
	k.round()
	k.as(k.d.Owner, `delete from audit_seal where tenant_id = $1`, k.tenant)
	k.as(k.d.Owner, `delete from audit_entry where tenant_id = $1`, k.tenant)
	for _, table := range []string{"audit_seal", "audit_entry"} {
		k.as(k.d.Owner, `update `+table+` set tenant_id = $1 where tenant_id = $2`, k.tenant, tenantOf(other))
	}
	if r := k.report(""); r.Intact() || !strings.Contains(r.Faults[0].Problem, "another organisation") {
		t.Errorf("%+v", r.Faults)
	}
}

// What the database alone cannot show: that its end was cut off. A head that was kept apart does.
func TestAHeadThatWasKeptApartShowsACut(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.write(k.ctx, 0, 3)
	k.round()
	k.write(k.ctx, 3, 6)
	k.round()
	kept := k.intact(6).Head.String()
	k.write(k.ctx, 6, 8)
	k.round()
	if r := k.report(kept); !r.Intact() {
		t.Errorf("%+v", r.Faults)
	}
	k.as(k.d.Owner, `delete from audit_seal where seq >= 2`)
	k.as(k.d.Owner, `delete from audit_entry where target >= '3'`)
	if r := k.report(""); !r.Intact() {
		t.Errorf("without the head: %+v", r.Faults) // as docs/audit.md says
	}
	if r := k.report(kept); r.Intact() || !strings.Contains(r.Faults[0].Problem, "cut") {
		t.Errorf("%+v", r.Faults)
	}
}

// An entry that is taken away in the moment before it is sealed is missed for ever.
func TestAnEntryThatIsRemovedBeforeItsSealIsMissed(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.write(k.ctx, 0, 3)
	k.as(k.d.Owner, `delete from audit_entry where target = '1'`)
	k.round()
	if r := k.report(""); r.Intact() || !strings.Contains(r.Faults[0].Problem, "removed") || r.Entries != 2 {
		t.Errorf("%+v", r)
	}
}

// A retained chain begins at a signed checkpoint, which nobody else can move.
func TestACheckpointCannotBeMoved(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	for n := range 3 {
		k.write(k.ctx, 3*n, 3*n+3)
		k.round()
	}
	k.as(k.d.Owner, `delete from audit_seal where seq = 1`)
	k.as(k.d.Owner, `delete from audit_entry where target in ('0', '1', '2')`)
	if r := k.report(""); r.Intact() {
		t.Error("the beginning was removed, and nothing is found")
	}
	var limits chain.Limits
	r, err := k.verify.Verify(t.Context(), k.tenant, limits)
	if err != nil || r.Faults[0].Seal != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
