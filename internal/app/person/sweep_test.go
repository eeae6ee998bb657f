package person_test

import (
	"context"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
)

// names are those of columns that may hold a person.
var names = regexp.MustCompile(`user|actor|person|people|author|owner|learner|member|operator|recipient|email|mail|phone|_by$|name$`)

// declared is what becomes of each column that may hold a person when the person is erased. Tenant data by the name of the
// column alone, as package person finds it there.
func declared() map[string]string {
	return map[string]string{
		"pool user_id":      "the row is deleted",
		"pool actor":        "stays as an id",
		"pool published_by": "stays as an id",
		"pool changed_by":   "stays as an id",
		"pool name":         "of a check or the like",

		"pool.group_member given_by": "of an identity provider; the row is deleted with its user_id",

		"identity.user email":               "deleted with the account",
		"identity.user email_key":           "deleted with the account",
		"identity.user email_proved_at":     "deleted with the account",
		"identity.user name":                "deleted with the account",
		"identity.user operator":            "deleted with the account",
		"identity user_id":                  "deleted with the account",
		"identity.erasure user_id":          "the proof: an id that leads to nobody",
		"identity.mail_proof email":         "deleted with the account of the address, or a day after it was typed",
		"identity.mail_proof email_key":     "deleted with the account of the address, or a day after it was typed",
		"identity.mail_proof name":          "deleted with the account of the address, or a day after it was typed",
		"identity.address_change email":     "deleted with the account, or a week after the change was asked for",
		"identity.address_change email_key": "deleted with the account, or a week after the change was asked for",
		"identity.invitation email":         "deleted with the account of the address, or a month after its end",
		"identity.invitation email_key":     "deleted with the account of the address, or a month after its end",
		"identity.invitation invited_by":    "emptied",
		"identity.invitation operator":      "whether an operator sent it",
		"identity.pool name":                "of a pool",
		"identity.client name":              "of a program",
		"identity.client created_by":        "stays as an id",

		"identity.api_key name":           "of a program",
		"identity.api_key created_by":     "stays as an id",
		"identity.api_key last_used_at":   "of a program",
		"identity.api_key last_used_from": "of a program",

		"identity.machine_client name":         "of a program",
		"identity.machine_client last_used_at": "of a program",
		"identity.machine_client created_by":   "stays as an id",
		"identity.factor name":                 "deleted with the account",

		"identity.browser_session user_agent": "deleted with the account",

		"identity.federation_provider name":     "of an identity provider",
		"identity.federation_provider by_owner": "whether an owner has seen its settings",

		"control.tenant name":                "of an organisation",
		"control.tier name":                  "of a tier",
		"control.workflow_step name":         "of a step",
		"control.workflow actor":             "stays as an id",
		"control.audit_entry actor":          "stays as an id",
		"identity.audit_event actor":         "stays as an id, for a second on its way to a log",
		"control.operator_entry operator":    "stays as an id",
		"control.tenant_export requested_by": "stays as an id, for a week",
		"control.tenant_export operator":     "whether an operator asked for it",
		"control.mail_message recipient":     "the message is deleted",
		"control.registration name":          "of an organisation",
		"control.registration email":         "deleted within days of the registration's end",
		"control.registration admin_name":    "deleted within days of the registration's end",
		"control.registration owner_id":      "deleted within days of the registration's end",
		"runtime.environment user_id":        "deleted with the environment, which is ended before",
		"control.tenant_limit name":          "of a limit",
		"app.tenant_scope people":            "whether a tenant is open",
		"app.hint_channel name":              "of a channel",
	}
}

// undeclared lists columns whose fate nobody has thought about.
func undeclared(ctx context.Context, t *testing.T, owner *pgxpool.Pool) (list []string) {
	t.Helper()
	rows, err := owner.Query(ctx, `
		select n.nspname, c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
		where n.nspname in ('pool', 'identity', 'control', 'runtime', 'app') and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
			and c.relname not like 'migration%' and a.atttypid in ('uuid'::regtype, 'text'::regtype, 'boolean'::regtype, 'timestamptz'::regtype)`)
	if err != nil {
		t.Fatal(err)
	}
	known := declared()
	var schema, table, column string
	_, err = pgx.ForEachRow(rows, []any{&schema, &table, &column}, func() error {
		_, one := known[schema+"."+table+" "+column]
		_, all := known[schema+" "+column]
		if names.MatchString(column) && !one && !all {
			list = append(list, schema+"."+table+" "+column)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestEveryColumnThatMayHoldAPersonIsDeclared(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for _, column := range undeclared(t.Context(), t, d.Owner) {
		t.Errorf("%s: say in package person what becomes of it when the person is erased", column)
	}
	if _, err := d.Owner.Exec(t.Context(), `create table planted (tenant_id uuid, id uuid, invited_by uuid, primary key (tenant_id, id))`); err != nil {
		t.Fatal(err)
	}
	if found := undeclared(t.Context(), t, d.Owner); len(found) != 1 || found[0] != "pool.planted invited_by" {
		t.Errorf("found %q, want the planted column", found)
	}
}
