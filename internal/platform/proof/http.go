package proof

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// PublicKey is what checks the installation's proofs.
type PublicKey struct {
	Key       string `json:"key" doc:"Its name, as in proofs"`
	Algorithm string `json:"algorithm" enum:"Ed25519"`
	PEM       string `json:"pem" doc:"The public key as a PEM text, such as for openssl"`
}

type keyOutput struct{ Body PublicKey }

// Register adds the route that shows the public key, to everybody: proofs are checked by whoever holds one.
func (s *Signer) Register(api huma.API) {
	op := httpx.Operation(http.MethodGet, "/v1/proof-key", "get-proof-key", httpx.Public, "The key that checks this installation's proofs", "installation")
	huma.Register(api, op, func(context.Context, *struct{}) (*keyOutput, error) {
		text, err := s.pem()
		return &keyOutput{Body: PublicKey{Key: s.id, Algorithm: "Ed25519", PEM: text}}, err
	})
}

func (s *Signer) pem() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(s.Public())
	if err != nil {
		return "", fmt.Errorf("proof: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}
