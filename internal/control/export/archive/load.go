package archive

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// history are the tables that a tenant may have rows in before it is loaded: its making is recorded and sealed there.
func history() []string { return append(seals(), "audit_entry") }

// seals are the tables that are exported and not loaded: they prove the log of the installation that signed them. Here the
// entries get seals of their own.
func seals() []string { return []string{"audit_seal", "audit_checkpoint"} }

// Load adds the rows of an archive to the tenant that tx writes for, which must be empty, tables that others refer to
// first. in is the archive from its beginning once more: what was read when it was checked must be there again. The
// caller's transaction is the unit: on an error nothing may be kept of it.
func (c *Checked) Load(ctx context.Context, tx pgx.Tx, in io.Reader, schema int64) error {
	if c.Manifest.Schema > schema {
		return ErrNewer.Because("This archive has tables of version %d, and this program knows those up to %d. Upgrade this installation, then import it again.", c.Manifest.Schema, schema)
	}
	if _, err := tx.Exec(ctx, "set local timezone = 'UTC'"); err != nil {
		return fmt.Errorf("set timezone: %w", err)
	}
	tables, err := Tables(ctx, tx)
	if err != nil {
		return err
	}
	if err := empty(ctx, tx, tables); err != nil {
		return err
	}
	known := map[string]Table{}
	for _, t := range tables {
		known[t.Name] = t
	}
	files := map[string]File{}
	for _, f := range c.Manifest.Files {
		files[f.Name] = f
		if name := table(f.Name); name != "" {
			if err := fits(known, name, f.Columns); err != nil {
				return err
			}
		}
	}
	return each(in, c.limits, func(name string, _ int64, body io.Reader) error {
		if table(name) == "" || slices.Contains(seals(), table(name)) {
			return nil // members and seals are for people to look at, and large values are in place
		}
		return c.loadTable(ctx, tx, known[table(name)], files[name], body)
	})
}

func empty(ctx context.Context, tx pgx.Tx, tables []Table) error {
	for _, t := range tables {
		if slices.Contains(history(), t.Name) {
			continue
		}
		var some bool
		if err := tx.QueryRow(ctx, "select exists (select from "+quote(t.Name)+")").Scan(&some); err != nil {
			return fmt.Errorf("look into %s: %w", t.Name, err)
		}
		if some {
			return ErrUsed
		}
	}
	return nil
}

// fits refuses tables and columns that this program does not know.
func fits(known map[string]Table, name string, columns []string) error {
	t, ok := known[name]
	if !ok {
		return invalid("this program has no table %s", name)
	}
	seen := map[string]bool{}
	for _, column := range columns {
		if _, ok := t.column(column); !ok || seen[column] {
			return invalid("table %s has no column %.80q, or has it once", name, column)
		}
		seen[column] = true
	}
	if len(columns) == 0 {
		return invalid("table %s has no columns", name)
	}
	return nil
}

// batchRows and batchBytes bound what is sent to the database at once.
const (
	batchRows  = 200
	batchBytes = 4 << 20
)

func (c *Checked) loadTable(ctx context.Context, tx pgx.Tx, t Table, f File, body io.Reader) error {
	body, sum := rehash(body)
	insert := t.insertSQL(f.Columns)
	batch, waiting, number := &pgx.Batch{}, 0, int64(0)
	flush := func() error {
		if batch.Len() == 0 {
			return nil
		}
		err := tx.SendBatch(ctx, batch).Close()
		batch, waiting = &pgx.Batch{}, 0
		return refused(t.Name, number, err)
	}
	_, _, err := eachLine(body, c.limits, func(line []byte) error {
		number++
		args, size, err := c.row(t, f.Columns, number, line)
		if err != nil {
			return err
		}
		batch.Queue(insert, args...)
		if waiting += size; batch.Len() >= batchRows || waiting >= batchBytes {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		err = invalid("%s changed while it was read", f.Name)
	}
	return err
}

// refused gives an error of PostgreSQL about a row to whoever imports.
func refused(table string, line int64, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch {
	case pg.Code == "23505": // unique_violation: loaded before, or twice within
		return ErrUsed.Because("A row of %s is there already: import into a new organisation.", table).Wrap(err)
	case pg.Code == "53100":
		return ErrFull.Wrap(err)
	case len(pg.Code) == 5 && (pg.Code[:2] == "22" || pg.Code[:2] == "23"): // data_exception, integrity_constraint_violation
		return ErrInvalid.Because("This archive is refused: a row of data/%s.jsonl up to line %d does not fit: %s. Make a new export.", table, line, pg.Message).Wrap(err)
	default:
		return fmt.Errorf("import %s: %w", table, err)
	}
}

// row takes one line apart and checks that it has the columns of its file, each with JSON of its kind. It returns the
// statement's arguments: the JSON, and the values of bytea columns.
func (c *Checked) row(t Table, columns []string, number int64, line []byte) (args []any, size int, err error) {
	fields, err := object(line)
	if err != nil {
		return nil, 0, columnError(t.Name, number, "%v", err)
	}
	if len(fields) != len(columns) {
		return nil, 0, columnError(t.Name, number, "%d columns, want %d", len(fields), len(columns))
	}
	args, size = []any{string(line)}, len(line)
	for _, name := range columns {
		value, ok := fields[name]
		column, _ := t.column(name)
		if !ok {
			return nil, 0, columnError(t.Name, number, "column %s is missing", name)
		}
		if column.Kind != "bytea" {
			if !fitting(column.Kind, value) {
				return nil, 0, columnError(t.Name, number, "column %s is not of the kind %s", name, column.Kind)
			}
			continue
		}
		content, err := c.bytes(value)
		if err != nil {
			if errs.KindOf(err) == errs.KindInvalid {
				return nil, 0, err
			}
			return nil, 0, columnError(t.Name, number, "column %s: %v", name, err)
		}
		args, size = append(args, content), size+len(content)
	}
	return args, size, nil
}

// bytes is the value of a bytea column: null, hexadecimal text, or the name of a file.
func (c *Checked) bytes(value json.RawMessage) ([]byte, error) {
	switch value[0] {
	case 'n':
		return nil, nil
	case '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return nil, err
		}
		content, err := hex.DecodeString(text)
		if content == nil {
			content = []byte{}
		}
		return content, err
	case '{':
		fields, err := object(value)
		if err != nil {
			return nil, err
		}
		var name string
		if err := json.Unmarshal(fields["file"], &name); err != nil || len(fields) != 1 || !names.MatchString(filesFolder+name) {
			return nil, errors.New("it names no file")
		}
		return c.file(name)
	default:
		return nil, errors.New("it is neither text nor a file")
	}
}

// fitting tells whether JSON is of a column's kind. Null is PostgreSQL's to refuse.
func fitting(kind string, value json.RawMessage) bool {
	first := value[0]
	switch {
	case kind == "any" || first == 'n':
		return true
	case kind == "bool":
		return first == 't' || first == 'f'
	case kind == "integer":
		return (first == '-' || first >= '0' && first <= '9') && !bytes.ContainsAny(value, ".eE")
	case kind == "number":
		special := []string{`"NaN"`, `"Infinity"`, `"-Infinity"`} // JSON has no such numbers
		return first == '-' || first >= '0' && first <= '9' || slices.Contains(special, string(value))
	case kind == "array":
		return first == '['
	case kind == "object":
		return first == '{'
	default:
		return first == '"'
	}
}

// object reads a JSON object's fields, each of which it may have once.
func object(text []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	fields := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if _, twice := fields[name]; !ok || twice {
			return nil, fmt.Errorf("it has %.80q twice", name)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		fields[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("something follows it")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	return fields, nil
}
