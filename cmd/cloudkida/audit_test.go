package main_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// export fetches a log as JSON Lines, as whoever is signed in.
func (d *desk) export(path string) []string {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.home, "cloudkida", "credentials.json"))
	if err != nil {
		d.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.url+path+"?format=jsonl", http.NoBody)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+accessToken(d.t, text))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("%s: %d, %v: %s", path, res.StatusCode, err, body)
	}
	return slices.DeleteFunc(strings.SplitAfter(string(body), "\n"), func(line string) bool { return line == "" })
}

// accessToken is that of the one server.
func accessToken(t *testing.T, credentials []byte) string {
	t.Helper()
	var all struct {
		Servers map[string]struct{ Access string }
	}
	if err := json.Unmarshal(credentials, &all); err != nil {
		t.Fatal(err)
	}
	for _, server := range all.Servers {
		return server.Access
	}
	t.Fatal("nobody is signed in")
	return ""
}

// otherKey is a public key that has signed nothing.
func otherKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// of are the places of the lines of a kind.
func of(lines []string, kind string) (at []int) {
	for n, line := range lines {
		if strings.HasPrefix(line, `{"`+kind+`"`) {
			at = append(at, n)
		}
	}
	return at
}

// without is the file but for some lines.
func without(lines []string, drop ...int) string {
	var out strings.Builder
	for n, line := range lines {
		keep := true
		for _, d := range drop {
			keep = keep && n != d
		}
		if keep {
			out.WriteString(line)
		}
	}
	return out.String()
}

// exchanged is the file in which two entries have each other's targets, and so each other's place.
func exchanged(t *testing.T, lines []string) string {
	t.Helper()
	at := of(lines, "entry")
	var both [2]map[string]map[string]any
	for n := range both {
		if err := json.Unmarshal([]byte(lines[at[n]]), &both[n]); err != nil {
			t.Fatal(err)
		}
	}
	both[0]["entry"]["at"], both[1]["entry"]["at"] = both[1]["entry"]["at"], both[0]["entry"]["at"]
	changed := append([]string{}, lines...)
	for n := range both {
		text, err := json.Marshal(both[n])
		if err != nil {
			t.Fatal(err)
		}
		changed[at[n]] = string(text) + "\n"
	}
	return strings.Join(changed, "")
}

// What `audit verify` ends with, for both logs, of an export and of the database.
func TestAuditVerifyEndsWithWhatItFound(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.signIn()
	d.want(0, "intact", "audit", "verify", "--all", "--data", d.data)
	for name, log := range map[string]struct{ export, flag string }{"organisation": {"/v1/tenant/audit/export", "--tenant=default"}, "operators": {"/v1/operator/audit/export", "--operators"}} {
		t.Run(name, func(t *testing.T) { d.exports(t, log.export, log.flag) })
	}
	d.want(0, "intact", "audit", "verify", "--operators", "--data", d.data)
	d.want(1, "which was kept apart", "audit", "verify", "--operators", "--data", d.data, "--holds", "1:"+strings.Repeat("5a", 32))
	d.want(1, "there is no organisation nowhere", "audit", "verify", "--tenant", "nowhere", "--data", d.data)
	d.want(1, "say which log", "audit", "verify", "--data", d.data)
	d.want(80, "", "audit", "verify", "--all", "--operators", "--data", d.data)
	d.alter(`update control.audit_entry set reason = 'another'`)
	d.want(1, "it was changed", "audit", "verify", "--operators", "--data", d.data)
	d.want(1, "operators' log: BROKEN", "audit", "verify", "--all", "--data", d.data)
	d.want(0, "intact", "audit", "verify", "--tenant", "default", "--data", d.data)
}

// alter does as the owner of the database, who does not have the master key.
func (d *desk) alter(sql string) {
	d.t.Helper()
	conn, err := pgx.Connect(d.t.Context(), strings.TrimSpace(d.want(0, "postgres", "db", "url", "--data", d.data)))
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(d.t.Context())
	if _, err := conn.Exec(d.t.Context(), sql); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) exports(t *testing.T, path, flag string) {
	t.Helper()
	var lines []string
	for range 3 { // a seal each: an export has an entry about itself
		lines = d.export(path)
	}
	entries, seals := of(lines, "entry"), of(lines, "seal")
	if len(entries) < 3 || len(seals) < 2 {
		t.Fatalf("%d entries in %d seals", len(entries), len(seals))
	}
	// The head is that of the export: nothing has been sealed since.
	head := regexp.MustCompile(`\d+:[0-9a-f]{64}`).FindString(d.want(0, "intact", "audit", "verify", flag, "--data", d.data))
	key := filepath.Join(t.TempDir(), "elsewhere")
	first := lines[entries[0]]
	for name, c := range map[string]struct {
		text string
		code int
		say  string
		args []string
	}{
		"whole":             {strings.Join(lines, ""), 0, "intact", nil},
		"whole, with head":  {strings.Join(lines, ""), 0, "intact", []string{"--holds", head}},
		"in another order":  {without(lines, entries[0]) + first, 0, "intact", nil}, // of lines, which says nothing
		"altered":           {strings.Replace(strings.Join(lines, ""), `"request":"`, `"request":"0`, 1), 1, "it was changed", nil},
		"an entry removed":  {without(lines, entries[0]), 1, "it was removed", nil},
		"an excerpt":        {without(lines, entries[0]), 0, "1 are not in the file", []string{"--partial"}},
		"altered excerpt":   {strings.Replace(without(lines, entries[0]), `"request":"`, `"request":"0`, 1), 1, "it was changed", []string{"--partial"}},
		"a seal removed":    {without(lines, seals[0]), 1, "missing", nil},
		"without its seals": {without(lines, seals...), 1, "no seal of the file has it", nil},
		"entries exchanged": {exchanged(t, lines), 1, "it was changed", nil},
		"cut in a line":     {strings.Join(lines, "")[:len(strings.Join(lines, ""))/2], 1, "line", nil},
		"the end cut off":   {without(lines, append(seals[len(seals)-1:], entries[len(entries)-1])...), 1, "", []string{"--holds", head}},
		"an entry twice":    {strings.Join(lines, "") + first, 1, "twice", nil},
		"another key":       {strings.Join(lines, ""), 1, "not this installation's", []string{"--key", otherKey(t), "--data", key}},
		"no key":            {strings.Join(lines, ""), 1, "--key", []string{"--data", key}},
		"nothing":           {"", 1, "the file has no audit log", nil},
	} {
		file := filepath.Join(t.TempDir(), "audit.jsonl")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		args := append([]string{"audit", "verify", "--file", file}, c.args...)
		if !strings.Contains(strings.Join(args, " "), "--data") {
			args = append(args, "--data", d.data)
		}
		if out, problems, got := d.run(args...); got != c.code || !strings.Contains(out+problems, c.say) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", name, got, c.code, c.say, out, problems)
		}
	}
}
