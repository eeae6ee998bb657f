package proof_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

func signer(t *testing.T, fill string) *proof.Signer {
	t.Helper()
	key, err := secret.Load("", base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fill, 32))))
	if err != nil {
		t.Fatal(err)
	}
	s, err := proof.New(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type statement struct{ Rows int }

func TestAProofIsCheckedByItsPublicKey(t *testing.T) {
	t.Parallel()
	s := signer(t, "a")
	p, err := s.Make(t.Context(), statement{Rows: 7})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var kept proof.Proof
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	var got statement
	if err := kept.Open(signer(t, "a").Public(), &got); err != nil || got.Rows != 7 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAChangedProofIsRefused(t *testing.T) {
	t.Parallel()
	s, other := signer(t, "a"), signer(t, "b")
	p, err := s.Make(t.Context(), statement{Rows: 7})
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string]func(*proof.Proof){
		"document":     func(p *proof.Proof) { p.Document = `{"Rows":8}` },
		"signature":    func(p *proof.Proof) { p.Signature = append([]byte{p.Signature[0] ^ 1}, p.Signature[1:]...) },
		"short":        func(p *proof.Proof) { p.Signature = p.Signature[:10] },
		"no signature": func(p *proof.Proof) { p.Signature = nil },
		"key":          func(p *proof.Proof) { p.KeyID = proof.KeyID(other.Public()) },
		"no document":  func(p *proof.Proof) { p.Document = "" },
	}
	for name, change := range changed {
		bad := p
		change(&bad)
		if err := bad.Open(s.Public(), &statement{}); !errors.Is(err, proof.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Open(other.Public(), &statement{}); !errors.Is(err, proof.ErrSignature) {
		t.Errorf("another installation's key: %v", err)
	}
	if s.String() == other.String() || strings.Contains(s.String(), "{") {
		t.Errorf("%s, %s", s, other)
	}
}
