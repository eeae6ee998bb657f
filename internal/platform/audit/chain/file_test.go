package chain_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
)

// The example of docs/audit.md: whoever checks a log without this program has this to compare with.
func TestTheCanonicalFormIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	tenant := uuid.MustParse("0193a6a2-0000-7000-8000-00000000000b") // any: the form is that of every tenant's log
	actor := uuid.MustParse("0193a6a2-0000-7000-8000-00000000000a")
	e := chain.Entry{
		ID: uuid.MustParse("0193a6a2-0000-7000-8000-000000000001"), At: time.Date(2026, 3, 1, 10, 0, 0, 120_000, time.FixedZone("", 3600)), Actor: &actor,
		Kind: "person", Action: "member.changed", Target: "Zoë \"Z\"\n", Detail: json.RawMessage(` {"b": [1.50, true, null], "a": "<&>"} `),
		Before: json.RawMessage(`{"role": "learner"}`), Request: "r", Address: "192.0.2.1",
	}
	sum, err := e.Hash(tenant)
	const want = "a85e6a9ec2b719343adc6247c7623ba3c91dbf93852b8b3ed92a8c74f32583c2" // by another program
	if got := hex.EncodeToString(sum[:]); err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	e.After = json.RawMessage("null") // the same as none
	if again, err := e.Hash(tenant); err != nil || again != sum {
		t.Errorf("null differs from nothing: %v", err)
	}
}

// lines are what an export of the whole log has.
func (k *keeping) lines() (list []string) {
	k.t.Helper()
	add := func(kind, sql string) {
		rows, err := k.d.Owner.Query(k.t.Context(), sql, k.tenant)
		if err != nil {
			k.t.Fatal(err)
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			k.t.Fatal(err)
		}
		for _, row := range found {
			list = append(list, `{"`+kind+`":`+row+`}`)
		}
	}
	add("entry", `select (to_jsonb(e) - 'tenant_id')::text from audit_entry e where tenant_id = $1 order by id`)
	add("seal", `select (to_jsonb(s) - 'tenant_id' || jsonb_build_object('signature', encode(signature, 'hex')))::text from audit_seal s where tenant_id = $1 order by seq`)
	add("checkpoint", `select (to_jsonb(s) - 'tenant_id' || jsonb_build_object('signature', encode(signature, 'hex')))::text from audit_checkpoint s where tenant_id = $1 order by seq`)
	return list
}

func (k *keeping) file(lines []string, partial bool) *chain.FileReport {
	k.t.Helper()
	r, err := chain.VerifyFile(strings.NewReader(strings.Join(lines, "\n")+"\n"), chain.FileOptions{Keys: k.verify.Keys, Partial: partial})
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

func TestAnExportedLogIsCheckedWithoutADatabase(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	for n := range 3 {
		k.write(k.ctx, 3*n, 3*n+3)
		k.round()
	}
	all := k.lines()
	if r := k.file(all, false); !r.Intact() || r.Entries != 9 || r.Seals != 3 || r.Tenant != k.tenant {
		t.Fatalf("%+v", r)
	}
	without := func(n int) []string { return append(append([]string{}, all[:n]...), all[n+1:]...) }
	changed := func(n int, from, to string) []string {
		list := append([]string{}, all...)
		if list[n] = strings.Replace(list[n], from, to, 1); list[n] == all[n] {
			t.Fatalf("%s has no %s", all[n], from)
		}
		return list
	}
	made := strings.Replace(all[2], `"id": "0`, `"id": "1`, 1)
	for name, c := range map[string]struct {
		lines   []string
		partial string // what an excerpt may not be either; empty: it may
	}{
		"an entry changed":  {changed(4, `"tested"`, `"tasted"`), "changed"},
		"an entry removed":  {without(4), ""},
		"an entry made up":  {append(append([]string{}, all...), made), "no seal"},
		"an entry twice":    {append(append([]string{}, all...), all[0]), "twice"},
		"a seal removed":    {without(10), "no seal"},
		"the last seal":     {without(11), "no seal"},
		"the first seal":    {without(9), "no seal"},
		"a seal changed":    {changed(10, `\"seq\":2`, `\"seq\":7`), "not the program's"},
		"a signature":       {changed(10, `"signature": "`, `"signature": "00`), "not the program's"},
		"a seal and its":    {append(append([]string{}, all[:3]...), append(append([]string{}, all[6:10]...), all[11:]...)...), ""},
		"the chain's start": {append(append([]string{}, all[3:9]...), all[10:]...), ""},
	} {
		if r := k.file(c.lines, false); r.Intact() {
			t.Errorf("%s: found nothing", name)
		}
		r := k.file(c.lines, true)
		if (c.partial == "") != r.Intact() || c.partial != "" && !strings.Contains(r.Faults[0].Problem, c.partial) {
			t.Errorf("%s as an excerpt: %+v, want %q", name, r.Faults, c.partial)
		}
	}
	if r, err := chain.VerifyFile(strings.NewReader(strings.Join(all, "\n")), chain.FileOptions{Keys: chain.Keys{signer(t, "b").Public()}}); err != nil || r.Intact() {
		t.Errorf("with another installation's key: %+v, %v", r, err)
	}
	for _, text := range []string{"", "{}\n", "no JSON\n", `{"entry":{"id":"x"}}`, "\x1f\x8bxx"} {
		if _, err := chain.VerifyFile(strings.NewReader(text), chain.FileOptions{Keys: k.verify.Keys}); err == nil {
			t.Errorf("%q is taken for an export", text)
		}
	}
}

func TestAnExportBeginsAtItsCheckpoint(t *testing.T) {
	t.Parallel()
	k := newKeeping(t)
	k.write(k.ctx, 0, 2)
	k.as(k.d.Owner, `update audit_entry set at = now() - interval '40 days'`)
	k.round()
	k.write(k.ctx, 2, 4)
	k.round()
	if _, err := k.sealer.Retain(t.Context(), k.tenant, time.Now().AddDate(0, 0, -30)); err != nil {
		t.Fatal(err)
	}
	if r := k.file(k.lines(), false); !r.Intact() || r.Entries != 2 || r.Deleted != 2 {
		t.Errorf("%+v", r)
	}
}

func FuzzVerifyFile(f *testing.F) {
	f.Add([]byte(`{"entry":{"id":"0193a6a2-0000-7000-8000-000000000001","at":"2026-03-01T10:00:00Z","detail":{"a":[1,"x"]}}}` + "\n"))
	f.Add([]byte(`{"seal":{"seq":1,"document":"{}","signature":"00","key_id":"x"}}` + "\n"))
	f.Add([]byte("\x1f\x8b"))
	keys := chain.Keys{signer(f, "a").Public()}
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := chain.VerifyFile(bytes.NewReader(content), chain.FileOptions{Keys: keys, Partial: true})
		if err == nil && r.Intact() && r.Entries > 0 {
			t.Errorf("%+v without a signature of ours", r)
		}
	})
}
