package search_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/search"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/list"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestPeopleAreFoundByTheStartOfAnAddressAndOfEachWord(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for email, name := range map[string]string{
		"a.rao@example.com": "Asha Devi Kumari Rao", "m@example.com": "Müller-Lüdenscheidt", "jo@example.com": "Jo Ann Smith", "x%y_z@example.com": `100% \o/`,
	} {
		_, err := d.Identity.Exec(t.Context(), `
			insert into identity."user" (pool_id, email, email_key, name) select id, $1, $1, $2 from identity.pool where name = 'default'`, email, name)
		if err != nil {
			t.Fatal(err)
		}
	}
	for q, want := range map[string]string{
		"":     "100% \\o/, Asha Devi Kumari Rao, Jo Ann Smith, Müller-Lüdenscheidt",
		"asha": "Asha Devi Kumari Rao", "DEVI": "Asha Devi Kumari Rao", "kumari r": "Asha Devi Kumari Rao", "Rao": "Asha Devi Kumari Rao", "a.r": "Asha Devi Kumari Rao",
		"A": "Asha Devi Kumari Rao, Jo Ann Smith", "ann  smith ": "Jo Ann Smith", "müll": "Müller-Lüdenscheidt", "mu\u0308ll": "Müller-Lüdenscheidt", "ML": "",
		"umari": "", "devi rao": "", "x%": `100% \o/`, "x_": "", "100%": `100% \o/`, "%": "", `\`: `100% \o/`, "\x00": "", "\xff": "", "' or true --": "",
	} {
		condition, args := search.Condition(q)
		rows, err := d.Identity.Query(t.Context(), `select u.name from identity."user" u where `+condition+` order by u.name collate "C"`, list.Fresh, args)
		if err != nil {
			t.Fatalf("%q: %v", q, err)
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if got := strings.Join(names, ", "); err != nil || got != want {
			t.Errorf("%q finds %q, %v; want %q", q, got, err, want)
		}
	}
}

// A search that reads every row would be slow in a large pool: each part of the condition has its index.
func TestASearchReadsIndexesAlone(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	tx, err := d.Owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `set local enable_seqscan = off`); err != nil {
		t.Fatal(err)
	}
	condition, args := search.Condition("asha")
	rows, err := tx.Query(t.Context(), `explain select u.name from identity."user" u where `+condition, pgx.QueryExecModeExec, args)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	for _, index := range []string{"user_email", "user_name_1", "user_name_2", "user_name_3", "user_name_4"} {
		if !strings.Contains(plan, index) {
			t.Errorf("%s is not used:\n%s", index, plan)
		}
	}
}
