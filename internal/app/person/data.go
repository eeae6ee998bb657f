package person

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Copy writes everything about the caller as one JSON document, row by row: the account with what identity has, and for
// each tenant the rows that are theirs or name them. Secrets and their hashes are left out, as is binary content.
func (s *Service) Copy(ctx context.Context, out io.Writer) error {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return db.ErrNoScope
	}
	who, err := s.account(ctx, scope.User)
	if err != nil {
		return err
	}
	homes, err := s.homes(ctx, who.ID)
	if err != nil {
		return err
	}
	letters, err := s.Letters.CountTo(ctx, who.Email)
	if err != nil {
		return err
	}
	w := &document{Writer: bufio.NewWriterSize(out, 64<<10)}
	w.open("{")
	w.field("person", who.ID)
	w.field("at", time.Now().UTC())
	w.name("identity")
	if err := s.copyIdentity(ctx, w, who.ID); err != nil {
		return err
	}
	w.field("mail", map[string]int64{"messages": letters}) // their texts went to the person, and may hold links that open something
	w.name("tenants")
	w.open("[")
	for _, h := range homes {
		if err := s.copyTenant(tenancy.System(ctx, h.ID), w, h, who.ID); err != nil {
			return err
		}
	}
	w.close("]")
	w.close("}")
	w.text("\n")
	if w.err != nil {
		return w.err
	}
	return w.Flush()
}

func (s *Service) copyIdentity(ctx context.Context, w *document, user uuid.UUID) error {
	return pgx.BeginTxFunc(ctx, s.Identity, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		found, err := personal(ctx, tx)
		if err != nil {
			return err
		}
		w.open("{")
		const account = `select id, email, email_proved_at, name, operator, disabled_at, created_at, updated_at, password_hash is not null as has_password
			from identity."user" where id = @user`
		if err := w.rows(ctx, tx, "user", account, user); err != nil {
			return err
		}
		for _, t := range found {
			query := "select " + names(t.Columns) + " from identity." + quote(t.Name) + " where user_id = @user"
			if err := w.rows(ctx, tx, t.Name, query, user); err != nil {
				return err
			}
		}
		w.close("}")
		return nil
	})
}

func (s *Service) copyTenant(ctx context.Context, w *document, h home, user uuid.UUID) error {
	return s.DB.SnapshotInTenant(ctx, policy.TenantSystem, func(tx pgx.Tx) error {
		if err := db.Allow(ctx, tx, policy.TenantSystem, tenancy.Whole{}); err != nil {
			return err
		}
		all, err := tables(ctx, tx)
		if err != nil {
			return err
		}
		w.open("{")
		w.field("id", h.ID)
		w.field("name", h.Name)
		w.field("title", h.Title)
		for _, name := range sorted(all) {
			var conditions []string
			for _, treatment := range []string{deleted, pseudonymous} {
				if c := condition(all, name, treatment, "t", 0); c != "" {
					conditions = append(conditions, c)
				}
			}
			if len(conditions) == 0 {
				continue
			}
			query := "select " + names(all[name].Columns) + " from " + quote(name) + " t where " + strings.Join(conditions, " or ")
			if err := w.rows(ctx, tx, name, query, user); err != nil {
				return err
			}
		}
		w.close("}")
		return nil
	})
}

// names lists columns for a query.
func names(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = quote(c)
	}
	return strings.Join(quoted, ", ")
}

// document writes JSON in pieces. The first error stays.
type document struct {
	*bufio.Writer
	err   error
	begun bool // something stands before what comes next
}

func (w *document) text(s string) {
	if w.err == nil {
		_, w.err = w.WriteString(s)
	}
}

// comma separates what comes from what was.
func (w *document) comma() {
	if w.begun {
		w.text(",\n")
	}
	w.begun = true
}

func (w *document) open(bracket string) {
	w.comma()
	w.text(bracket)
	w.begun = false
}

func (w *document) close(bracket string) {
	w.text(bracket)
	w.begun = true
}

// name begins a field whose value is opened next.
func (w *document) name(name string) {
	w.comma()
	text, err := json.Marshal(name)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.text(string(text) + ": ")
	w.begun = false
}

func (w *document) field(name string, value any) {
	w.name(name)
	text, err := json.Marshal(value)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.text(string(text))
	w.begun = true
}

// rows writes what a query gives as a list of objects.
func (w *document) rows(ctx context.Context, tx pgx.Tx, name, query string, user uuid.UUID) error {
	found, err := tx.Query(ctx, "select row_to_json(r)::text from ("+query+") r", pgx.NamedArgs{"user": user})
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer found.Close()
	w.name(name)
	w.open("[")
	for found.Next() && w.err == nil {
		w.comma()
		w.text(string(found.RawValues()[0]))
	}
	w.close("]")
	if err := found.Err(); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return w.err
}
