// Package chain makes a tenant's audit log tamper-evident: a sealer puts the hashes of committed entries, and of the seal
// before, into a signed document; whoever changes, removes or adds an entry afterwards, or makes up a seal, is found by Verify.
// docs/audit.md describes the documents, so that they can be checked without this program.
package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Entry is a row of an audit log, with the names of its columns: exports and archives have it in this form.
type Entry struct {
	ID      uuid.UUID       `json:"id"`
	At      time.Time       `json:"at"`
	Actor   *uuid.UUID      `json:"actor"`
	Action  string          `json:"action"`
	Target  string          `json:"target"`
	Detail  json.RawMessage `json:"detail"`
	Request string          `json:"request"`
	Kind    string          `json:"kind"`
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
	Address string          `json:"address"`
	// Tenant and Reason are in the operators' log alone: which organisation the entry is about, and why it was done.
	Tenant *uuid.UUID `json:"tenant,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

// Operators stands for the operators' log where a tenant stands for its own. No tenant has this id.
func Operators() uuid.UUID { return uuid.Nil }

// columns are those of an entry of a log in the order of its fields.
func columns(log uuid.UUID) string {
	const common = `e.id, e.at, e.actor, e.action, e.target, e.detail, e.request, e.kind, e.before, e.after, e.address, `
	if log == Operators() {
		return common + `e.tenant_id, e.reason`
	}
	return common + `null::uuid, ''`
}

// Times in documents: UTC, with microseconds, which is what PostgreSQL keeps.
const timeForm = "2006-01-02T15:04:05.000000Z"

// What is hashed before an entry keeps its hash from being that of anything else, and of an entry in the other kind of log.
const (
	entryPrefix    = "cloudkida audit entry 1\n"
	operatorPrefix = "cloudkida operators' entry 1\n"
)

// member is one of an entry's in canonical form.
type member struct {
	name  string
	value any
}

// Hash is the SHA-256 of an entry of a log in canonical form.
func (e Entry) Hash(log uuid.UUID) (sum [32]byte, err error) {
	prefix := entryPrefix
	if log == Operators() {
		prefix = operatorPrefix
	}
	out := bytes.NewBufferString(prefix)
	out.WriteByte('{')
	for n, m := range e.members(log) {
		if n > 0 {
			out.WriteByte(',')
		}
		canonicalText(out, m.name)
		out.WriteByte(':')
		if raw, ok := m.value.(json.RawMessage); ok {
			if m.value, err = parse(raw); err != nil {
				return sum, fmt.Errorf("entry %s: %s: %w", e.ID, m.name, err)
			}
		}
		canonical(out, m.value)
	}
	out.WriteByte('}')
	return sha256.Sum256(out.Bytes()), nil
}

// members are an entry's in the order of their names.
func (e Entry) members(log uuid.UUID) []member {
	id := func(id *uuid.UUID) any {
		if id == nil {
			return nil
		}
		return id.String()
	}
	list := []member{
		{"action", e.Action},
		{"actor", id(e.Actor)},
		{"address", e.Address},
		{"after", e.After},
		{"at", e.At.UTC().Format(timeForm)},
		{"before", e.Before},
		{"detail", e.Detail},
		{"id", e.ID.String()},
		{"kind", e.Kind},
		{"request", e.Request},
		{"target", e.Target},
	}
	if log == Operators() {
		list = append(slices.Insert(list, 9, member{"reason", e.Reason}), member{"tenant", id(e.Tenant)})
	}
	return list
}

// parse reads one JSON value; nothing is null.
func parse(raw json.RawMessage) (value any, err error) {
	if len(raw) == 0 {
		return nil, nil //nolint:nilnil // a column that is null
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	return value, nil
}

// canonical writes a JSON value in the one form that is hashed: members by the bytes of their names, no space, numbers as they
// were written, texts with the fewest escapes.
func canonical(out *bytes.Buffer, value any) {
	switch v := value.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		out.WriteString(strconv.FormatBool(v))
	case json.Number:
		out.WriteString(v.String())
	case string:
		canonicalText(out, v)
	case []any:
		out.WriteByte('[')
		for n, item := range v {
			if n > 0 {
				out.WriteByte(',')
			}
			canonical(out, item)
		}
		out.WriteByte(']')
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		out.WriteByte('{')
		for n, name := range names {
			if n > 0 {
				out.WriteByte(',')
			}
			canonicalText(out, name)
			out.WriteByte(':')
			canonical(out, v[name])
		}
		out.WriteByte('}')
	default:
		panic(fmt.Sprintf("chain: %T is no JSON", value))
	}
}

// canonicalText writes a text between quotes. Only quotes, backslashes and control characters are escaped.
func canonicalText(out *bytes.Buffer, s string) {
	const digits = "0123456789abcdef"
	out.WriteByte('"')
	for n := range len(s) {
		switch c := s[n]; {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < 0x20:
			out.WriteString(`\u00`)
			out.WriteByte(digits[c>>4])
			out.WriteByte(digits[c&15])
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
}

// item is an entry as a seal names it: its id and its hash.
type item struct {
	id   uuid.UUID
	hash [32]byte
}

// MarshalText writes the id and the hash in hexadecimal, with a space between.
func (i item) MarshalText() ([]byte, error) {
	return []byte(i.id.String() + " " + hex.EncodeToString(i.hash[:])), nil
}

// UnmarshalText reads what MarshalText wrote.
func (i *item) UnmarshalText(text []byte) error {
	id, sum, _ := bytes.Cut(text, []byte(" "))
	parsed, err := uuid.ParseBytes(id)
	if err != nil || len(id) != 36 || hex.DecodedLen(len(sum)) != len(i.hash) {
		return fmt.Errorf("%.120q is no id and hash", text)
	}
	i.id = parsed
	_, err = hex.Decode(i.hash[:], sum)
	return err
}
