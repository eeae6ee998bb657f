// Package search finds people by what somebody types into a search field, in pools of any size.
package search

import (
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
)

// found is the condition, in the words of migration 0057's indexes. What goes before them says nothing more, but costs much
// less to look at than they do: where a text finds many people, PostgreSQL reads people until a page is full. It is a case,
// as the planner thinks of the two sides of an or that they make what is found rarer by far.
const found = `(case when u.email_key like @search_address then true else ' ' || lower(u.name) like @search_word end and (u.email_key like @search_address
	or lower(u.name) like @search_name
	or substring(lower(u.name) from '^[^ ]+ (.*)$') like @search_name
	or substring(lower(u.name) from '^[^ ]+ [^ ]+ (.*)$') like @search_name
	or substring(lower(u.name) from '^[^ ]+ [^ ]+ [^ ]+ (.*)$') like @search_name))`

// Condition is what holds for the rows u of identity."user" that q finds, and its arguments: those whose address starts
// with q, or whose name has q at its start or at that of its second, third or fourth word.
func Condition(q string) (sql string, args pgx.NamedArgs) {
	switch {
	case q == "":
		return "true", pgx.NamedArgs{}
	case strings.ContainsRune(q, 0) || !utf8.ValidString(q):
		return "false", pgx.NamedArgs{} // PostgreSQL has no such text: nobody is called that
	}
	name := strings.ToLower(address.CleanName(q))
	return found, pgx.NamedArgs{
		"search_address": escape(address.Key(q)) + "%", "search_name": escape(name) + "%", "search_word": "% " + escape(name) + "%",
	}
}

// escape takes the meaning of pattern characters away.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}
