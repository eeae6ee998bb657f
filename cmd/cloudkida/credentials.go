package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/oauth2"
)

// credentials are what `login` keeps, by server.
type credentials struct {
	Current string                `json:"current"` // the server that was signed in to last
	Servers map[string]credential `json:"servers"`
}

type credential struct {
	TokenURL string    `json:"tokenUrl"`
	Access   string    `json:"access"`
	Refresh  string    `json:"refresh"`
	Expiry   time.Time `json:"expiry"`
}

func newCredential(config *oauth2.Config, t *oauth2.Token) credential {
	return credential{TokenURL: config.Endpoint.TokenURL, Access: t.AccessToken, Refresh: t.RefreshToken, Expiry: t.Expiry}
}

// find is the server that is meant, if there is a sign-in to it.
func (c *credentials) find(server string) (name string, found bool) {
	if server == "" {
		server = c.Current
	}
	server = strings.TrimSuffix(server, "/")
	_, found = c.Servers[server]
	return server, found
}

// credentialStore is the file with the credentials. Only its owner reads it.
type credentialStore struct{ file string }

func openCredentials() (credentialStore, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return credentialStore{}, fmt.Errorf("find a place for credentials: %w (set XDG_CONFIG_HOME)", err)
	}
	dir = filepath.Join(dir, "cloudkida")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return credentialStore{}, fmt.Errorf("make a place for credentials: %w", err)
	}
	return credentialStore{file: filepath.Join(dir, "credentials.json")}, nil
}

func (s credentialStore) read() (*credentials, error) {
	all := &credentials{Servers: map[string]credential{}}
	info, err := os.Stat(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others: chmod 600 it, sign out and sign in again", s.file)
	}
	text, err := os.ReadFile(s.file)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if err := json.Unmarshal(text, all); err != nil || all.Servers == nil {
		return nil, fmt.Errorf("%s is not what this program wrote: delete it, and sign in again", s.file)
	}
	return all, nil
}

// change lets one process at a time read, change and write the file, so that nobody uses a refresh token twice: the server
// would take that for theft and end the sign-in.
func (s credentialStore) change(fn func(*credentials) error) error {
	lock, err := os.OpenFile(s.file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock credentials: %w", err)
	}
	defer lock.Close() //nolint:errcheck // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock credentials: %w", err)
	}
	all, err := s.read()
	if err != nil {
		return err
	}
	if err := fn(all); err != nil {
		return err
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode credentials: %w", err)
	}
	beside, err := os.CreateTemp(filepath.Dir(s.file), "credentials.*") // of mode 0600
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	defer os.Remove(beside.Name()) //nolint:errcheck // it has its other name by then
	_, err = beside.Write(text)
	if err = errors.Join(err, beside.Sync(), beside.Close()); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return os.Rename(beside.Name(), s.file)
}

// kept gives the tokens of one server, and renews them.
type kept struct {
	store  credentialStore
	server string
}

// early is how long before its end a token is not used any more.
const early = 15 * time.Second

// Token is the one that is kept, or a new one.
func (k kept) Token(ctx context.Context, refused string) (string, error) {
	all, err := k.store.read()
	if err != nil {
		return "", err
	}
	if now := all.Servers[k.server]; now.Access != refused && time.Until(now.Expiry) > early {
		return now.Access, nil
	}
	var token string
	err = k.store.change(func(all *credentials) error {
		now, found := all.Servers[k.server]
		if !found {
			return errNotSignedIn
		}
		if now.Access == refused || time.Until(now.Expiry) <= early { // nobody else has renewed it meanwhile
			if now, err = now.renew(ctx); err != nil {
				return err
			}
			all.Servers[k.server] = now
		}
		token = now.Access
		return nil
	})
	return token, err
}

// renewTime bounds a renewal: others wait for the file.
const renewTime = 30 * time.Second

func (c credential) renew(ctx context.Context) (credential, error) {
	ctx, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	config := &oauth2.Config{ClientID: cliClient, Endpoint: oauth2.Endpoint{TokenURL: c.TokenURL, AuthStyle: oauth2.AuthStyleInParams}}
	token, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: c.Refresh}).Token()
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return c, fmt.Errorf("%w: %s", errNotSignedIn, oauthReason(err))
	}
	if err != nil {
		return c, fmt.Errorf("renew the sign-in: %w", err)
	}
	return newCredential(config, token), nil
}

// revoke ends the sign-in at the server.
func (c credential) revoke(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	address := strings.TrimSuffix(c.TokenURL, "/token") + "/revoke"
	form := url.Values{"client_id": {cliClient}, "token": {c.Refresh}, "token_type_hint": {"refresh_token"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // nothing of it is read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}
