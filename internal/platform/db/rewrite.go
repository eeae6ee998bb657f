package db

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// maxRewritten bounds how many queries are remembered. They come from the program's text, so that it is never reached.
const maxRewritten = 2000

// rewrites remembers queries with named arguments as PostgreSQL takes them, with numbers: pgx reads the whole text each
// time.
type rewrites struct {
	mu    sync.RWMutex
	known map[string]rewritten
}

type rewritten struct {
	sql   string   // see scoped; its last argument is the scope
	names []string // of the other arguments, in the order of their numbers
}

// of returns a query with its arguments in order. An argument that is not given is null, as with pgx.
func (r *rewrites) of(ctx context.Context, query string, args pgx.NamedArgs) (rewritten, []any, error) {
	r.mu.RLock()
	found, ok := r.known[query]
	r.mu.RUnlock()
	if !ok {
		var err error
		if found, err = r.read(ctx, query, args); err != nil {
			return rewritten{}, nil, err
		}
	}
	values := make([]any, len(found.names), len(found.names)+1) // and the scope
	for i, name := range found.names {
		values[i] = args[name]
	}
	return found, values, nil
}

// read lets pgx rewrite the query, with every argument's name in its place.
func (r *rewrites) read(ctx context.Context, query string, args pgx.NamedArgs) (rewritten, error) {
	names := make(pgx.NamedArgs, len(args))
	for name := range args {
		names[name] = name
	}
	sql, order, err := names.RewriteQuery(ctx, nil, query, nil)
	if err != nil {
		return rewritten{}, fmt.Errorf("named arguments: %w", err)
	}
	found := rewritten{sql: scoped(sql, readWithin, len(order)+1)}
	for _, name := range order {
		text, _ := name.(string) // "" for one that is not given: no argument has that name
		found.names = append(found.names, text)
	}
	for _, name := range found.names {
		if name == "" {
			return found, nil // another caller may give it
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxRewritten {
		r.known = map[string]rewritten{}
	}
	r.known[query] = found
	return found, nil
}

// Ways to open a scope within a query, of which the arguments are the last. What writes is a query of its own: for a guess
// of how many rows to leave out, the planner would read the setting that is an error.
const (
	readWithin  = `set_config('app.scope', $%[1]d, true)`
	writeWithin = `(select case when pg_try_advisory_xact_lock_shared($%[2]d) then set_config('app.scope', $%[1]d, true)
	else current_setting('tenant moving') end)`
)

// scoped is a query that opens its own scope, the argument of that number: one statement where there would be two. How many
// rows to leave out is asked before the first one, whatever the planner knows of the query, and "offset 0" keeps the query
// apart from it, so that whatever the query reads is read within the scope. Were it not, the policies would let it see
// nothing.
func scoped(query, within string, number int) string {
	return fmt.Sprintf("select q.* from ((%s\n) offset 0) q offset (%s is null)::int", query, fmt.Sprintf(within, number, number+1))
}

// carries tells whether a transaction's first statement may open the scope: a query that only reads. One that locks rows
// has to hold the tenant's own lock before it sees any.
func carries(sql string) bool {
	return strings.HasPrefix(strings.TrimSpace(sql), "select ") && !strings.Contains(sql, "for ") && !strings.Contains(sql, "offset")
}
