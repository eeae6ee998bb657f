package access

import (
	"encoding/base64"
	"errors"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
)

// Bounds of the headers that are remembered: one for each key that signs, so that no more than a few are ever seen.
const (
	maxHeaders    = 10_000
	maxHeaderSize = 512
)

// header is what a token says about itself. Its algorithm is ES256: no other is read.
type header struct {
	kind string // "typ"
	key  string // "kid"
}

// parts are a token taken apart. Nothing of them is true yet.
type parts struct {
	protected string // the header as it was sent
	header    header
	payload   []byte
	signed    string // what the signature is over
	signature []byte
}

// split takes a token apart. Headers that came with a good signature before are known by their text: the same text says the
// same, and to read it takes a third of what the signature does.
func (a *Checker) split(bearer string) (parts, error) {
	protected, rest, _ := strings.Cut(bearer, ".")
	known, ok := a.headers.Get(protected)
	if !ok {
		var err error
		if known, err = readHeader(bearer); err != nil {
			return parts{}, err
		}
	}
	payload, signature, _ := strings.Cut(rest, ".")
	p := parts{protected: protected, header: known, signed: bearer[:len(protected)+1+len(payload)]}
	var first, second error
	p.payload, first = base64.RawURLEncoding.Strict().DecodeString(payload)
	p.signature, second = base64.RawURLEncoding.Strict().DecodeString(signature)
	if errors.Join(first, second) != nil {
		return parts{}, refused("not a signed token")
	}
	return p, nil
}

// readHeader lets the library read a token, which takes none that has another algorithm or names a member of its header
// twice. Ours say "alg", "kid" and "typ": whatever else there is might change what the rest means, as "crit" and "b64" do.
func readHeader(bearer string) (header, error) {
	jws, err := jose.ParseSignedCompact(bearer, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return header{}, unreadable(err)
	}
	protected := jws.Signatures[0].Protected
	kind, _ := protected.ExtraHeaders[jose.HeaderType].(string)
	delete(protected.ExtraHeaders, jose.HeaderType)
	if len(protected.ExtraHeaders) > 0 || protected.JSONWebKey != nil || protected.Nonce != "" {
		return header{}, refused("token whose header says more than ours do")
	}
	return header{kind: kind, key: protected.KeyID}, nil
}

// unreadable says why a token cannot be taken apart. What libraries say may repeat it, and so does not reach the log.
func unreadable(err error) error {
	if other := (*jose.ErrUnexpectedSignatureAlgorithm)(nil); errors.As(err, &other) {
		return refused("token signed by %.16q, which is not accepted", other.Got)
	}
	return refused("not a signed token")
}

// remember keeps the header of a token whose signature was good.
func (a *Checker) remember(p parts) {
	if len(p.protected) <= maxHeaderSize {
		a.headers.Put(strings.Clone(p.protected), p.header) // and not the whole token with it
	}
}
