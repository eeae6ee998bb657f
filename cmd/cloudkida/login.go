package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/client"
)

// cliClient is the public client that every user pool knows for this program.
const cliClient = "cli"

// LoginCmd signs in by a code that is typed in a browser, on any device.
type LoginCmd struct {
	Server string `help:"The server's address." default:"http://localhost:8080" env:"CLOUDKIDA_SERVER" placeholder:"URL"`
	Tenant string `help:"The organisation whose people you are of, by its URL-safe name. Default: individuals." placeholder:"NAME"`
}

// Run shows the code, waits until somebody has approved it, and keeps what it gets.
func (c *LoginCmd) Run(ctx context.Context) error {
	base, err := client.Parse(c.Server)
	if err != nil {
		return err
	}
	config, err := provider(ctx, &client.Conn{Server: base}, c.Tenant)
	if err != nil {
		return err
	}
	code, err := config.DeviceAuth(ctx)
	if err != nil {
		return fmt.Errorf("ask for a code: %w", err)
	}
	fmt.Fprintf(os.Stderr, "Open %s\nand type the code %s\n", code.VerificationURI, code.UserCode)
	fmt.Fprintf(os.Stderr, "Nobody else may know it. Waiting, until %s ...\n", code.Expiry.Local().Format("15:04"))
	token, err := config.DeviceAccessToken(ctx, code)
	if err != nil {
		return fmt.Errorf("%w: %s", errNotSignedIn, oauthReason(err))
	}
	store, err := openCredentials()
	if err != nil {
		return err
	}
	err = store.change(func(all *credentials) error {
		all.Current = base.String()
		all.Servers[base.String()] = newCredential(config, token)
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "Signed in.")
	return (&WhoamiCmd{remote: remote{Server: base.String()}}).Run(ctx)
}

// provider finds out where the people of a tenant sign in, and what is there.
func provider(ctx context.Context, conn *client.Conn, tenant string) (*oauth2.Config, error) {
	issuer := conn.Server.String() + "/pools/default"
	if tenant != "" {
		var found struct {
			Issuer string `json:"issuer"`
		}
		if _, err := conn.Call(ctx, http.MethodGet, "/v1/directory?tenant="+url.QueryEscape(tenant), nil, &found); err != nil {
			return nil, err
		}
		issuer = found.Issuer
	}
	at, err := url.Parse(issuer)
	if err != nil || at.Scheme != conn.Server.Scheme || at.Host != conn.Server.Host {
		return nil, fmt.Errorf("people of this organisation sign in at %s: name that server with --server", issuer)
	}
	var found struct {
		Issuer string `json:"issuer"`
		Device string `json:"device_authorization_endpoint"`
		Token  string `json:"token_endpoint"`
	}
	if _, err := conn.Call(ctx, http.MethodGet, at.Path+"/.well-known/openid-configuration", nil, &found); err != nil {
		return nil, fmt.Errorf("find out how to sign in: %w (is the server running there?)", err)
	}
	if found.Issuer != issuer || found.Device == "" {
		return nil, fmt.Errorf("%s does not sign in programs like this one", issuer)
	}
	return &oauth2.Config{
		ClientID: cliClient, Scopes: []string{"openid", "email", "offline_access"},
		Endpoint: oauth2.Endpoint{DeviceAuthURL: found.Device, TokenURL: found.Token, AuthStyle: oauth2.AuthStyleInParams},
	}, nil
}

// oauthReason is why a token was refused, without what was sent.
func oauthReason(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return cmp.Or(refused.ErrorDescription, refused.ErrorCode, "the server refused")
	}
	return err.Error()
}

// LogoutCmd ends the sign-in of this program.
type LogoutCmd struct {
	Server string `help:"Default: the one that was signed in to last." env:"CLOUDKIDA_SERVER" placeholder:"URL"`
}

// Run tells the server, and forgets the tokens whether it hears it or not.
func (c *LogoutCmd) Run(ctx context.Context) error {
	store, err := openCredentials()
	if err != nil {
		return err
	}
	var gone credential
	err = store.change(func(all *credentials) error {
		name, found := all.find(c.Server)
		if !found {
			return errNotSignedIn
		}
		gone = all.Servers[name]
		delete(all.Servers, name)
		if all.Current == name {
			all.Current = ""
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := gone.revoke(ctx); err != nil {
		return fmt.Errorf("the tokens are deleted here, but the server was not told: %w. End the sign-in in the console, under your account", err)
	}
	fmt.Println("Signed out.")
	return nil
}

// WhoamiCmd tells who is signed in.
type WhoamiCmd struct{ remote }

// Run asks the server.
func (c *WhoamiCmd) Run(ctx context.Context) error {
	return c.show(ctx, "/v1/me", "email", "name", "role", "tenant.name", "operator")
}
