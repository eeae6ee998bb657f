package factor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

// NewKeys is what passkeys of an installation are checked with; nil at an address where browsers allow none: an IP
// address, or plain http elsewhere than on localhost.
func NewKeys(publicURL string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	host := u.Hostname()
	if net.ParseIP(host) != nil || (u.Scheme != "https" && host != "localhost") {
		return nil, nil //nolint:nilnil // none is meant
	}
	keys, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: issuerName, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	return keys, nil
}

// owner is a user as the library sees one. The handle is the user's id: it names nobody to others.
type owner struct {
	ID          uuid.UUID
	Email       string
	Name        string
	credentials []webauthn.Credential
	ids         []uuid.UUID // of the factors, in the order of credentials
}

func (o *owner) WebAuthnID() []byte                         { return o.ID[:] }
func (o *owner) WebAuthnName() string                       { return o.Email }
func (o *owner) WebAuthnDisplayName() string                { return o.Name }
func (o *owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

// owner reads a user of a pool with their passkeys; ErrOver when there is none.
func (s *Service) owner(ctx context.Context, pool access.Pool, user uuid.UUID) (*owner, error) {
	o, err := readOwner(ctx, s.DB, pool.ID, user)
	if err != nil {
		return nil, err
	}
	stored, err := passkeysOf(ctx, s.DB, user)
	if err != nil {
		return nil, err
	}
	for _, p := range stored {
		var c webauthn.Credential
		if err := json.Unmarshal(p.Credential, &c); err != nil {
			return nil, fmt.Errorf("read passkey: %w", err)
		}
		o.credentials, o.ids = append(o.credentials, c), append(o.ids, p.ID)
	}
	return o, nil
}

// beginPasskey makes what a browser needs to make a passkey, and what its answer is checked against.
func (s *Service) beginPasskey(ctx context.Context, pool access.Pool, user uuid.UUID) (options any, ceremony []byte, err error) {
	o, err := s.owner(ctx, pool, user)
	if err != nil {
		return nil, nil, err
	}
	have := make([]protocol.CredentialDescriptor, len(o.credentials))
	for i := range o.credentials {
		have[i] = o.credentials[i].Descriptor()
	}
	creation, data, err := s.Keys.BeginRegistration(o, webauthn.WithExclusions(have))
	if err != nil {
		return nil, nil, fmt.Errorf("begin passkey: %w", err)
	}
	ceremony, err = json.Marshal(data)
	return creation.Response, ceremony, err
}

// addPasskey stores the passkey that a browser made.
func (s *Service) addPasskey(ctx context.Context, pool access.Pool, user uuid.UUID, ceremony []byte, name, answer string) error {
	var data webauthn.SessionData
	if err := json.Unmarshal(ceremony, &data); err != nil {
		return errPasskey.Wrap(err)
	}
	o, err := s.owner(ctx, pool, user)
	if err != nil {
		return err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return errPasskey.Wrap(err)
	}
	made, err := s.Keys.CreateCredential(o, data, parsed)
	if err != nil {
		return errPasskey.Wrap(err)
	}
	made.Attestation = webauthn.CredentialAttestation{} // nobody asks who made the key: less to keep
	text, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("store passkey: %w", err)
	}
	return s.locked(ctx, user, func(tx pgx.Tx) error {
		if err := roomFor(ctx, tx, user, Passkey); err != nil {
			return err
		}
		if err := insertPasskey(ctx, tx, pool.ID, user, cleanName(name, "Passkey"), made.ID, text, s.Now()); err != nil {
			return err
		}
		return recordAdded(ctx, tx, user, Passkey)
	})
}

// askPasskey makes what a browser needs to show a passkey: one of user's, or with uuid.Nil any that it finds and that
// verifies its person, as it is then the only proof.
func (s *Service) askPasskey(ctx context.Context, pool access.Pool, user uuid.UUID) (options any, ceremony []byte, err error) {
	var assertion *protocol.CredentialAssertion
	var data *webauthn.SessionData
	if user == uuid.Nil {
		assertion, data, err = s.Keys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	} else {
		o, ownerErr := s.owner(ctx, pool, user)
		if ownerErr != nil {
			return nil, nil, ownerErr
		}
		if len(o.credentials) == 0 {
			return nil, nil, errPasskey
		}
		assertion, data, err = s.Keys.BeginLogin(o)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ask for passkey: %w", err)
	}
	ceremony, err = json.Marshal(data)
	return assertion.Response, ceremony, err
}

// usePasskey checks what a browser showed, of user or, with uuid.Nil, of anybody in the pool, and returns whose it is.
func (s *Service) usePasskey(ctx context.Context, pool access.Pool, user uuid.UUID, ceremony []byte, answer string) (uuid.UUID, error) {
	var data webauthn.SessionData
	if err := json.Unmarshal(ceremony, &data); err != nil {
		return uuid.Nil, errPasskey.Wrap(err)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return uuid.Nil, errPasskey.Wrap(err)
	}
	var who *owner
	var used *webauthn.Credential
	if user != uuid.Nil {
		if who, err = s.owner(ctx, pool, user); err != nil {
			return uuid.Nil, err
		}
		used, err = s.Keys.ValidateLogin(who, data, parsed)
	} else {
		_, used, err = s.Keys.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
			id, err := uuid.FromBytes(handle)
			if err != nil {
				return nil, errPasskey.Wrap(err)
			}
			who, err = s.owner(ctx, pool, id)
			return who, err
		}, data, parsed)
	}
	if err != nil {
		return uuid.Nil, errPasskey.Wrap(err)
	}
	return who.ID, s.noteUse(ctx, who, used)
}

// noteUse keeps the counter of a passkey. One that goes backwards has been copied (WebAuthn, 6.1.1).
func (s *Service) noteUse(ctx context.Context, who *owner, used *webauthn.Credential) error {
	if used.Authenticator.CloneWarning {
		s.Log.WarnContext(ctx, "the counter of a passkey went backwards: it may have been copied", "user", who.ID)
		return errPasskey.Wrap(errors.New("counter went backwards"))
	}
	text, err := json.Marshal(used)
	if err != nil {
		return fmt.Errorf("store passkey: %w", err)
	}
	for i := range who.credentials {
		if bytes.Equal(who.credentials[i].ID, used.ID) {
			return updatePasskey(ctx, s.DB, who.ids[i], text, s.Now())
		}
	}
	return errPasskey
}
