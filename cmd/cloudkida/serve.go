package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cloudkida/cloudkida/internal/server"
)

// ServeCmd runs the platform until it is stopped.
type ServeCmd struct {
	server.Config
}

// Run serves until ctx ends.
func (c *ServeCmd) Run(ctx context.Context) error {
	log := server.NewLog(os.Stderr, c.LogFormat)
	slog.SetDefault(log)
	return server.Run(ctx, c.Config, os.Stdout, log)
}

// DBCmd looks into the embedded database.
type DBCmd struct {
	URL DBURLCmd `cmd:"" name:"url" help:"Print how to connect as its administrator, such as for psql \"$(cloudkida db url)\"."`
}

// dataFlags say where the program's data are.
type dataFlags struct {
	Data      string `help:"The server's data directory." default:"${data}" env:"CLOUDKIDA_DATA" placeholder:"DIR"`
	MasterKey string `help:"The master key, where it is not in the data directory." env:"CLOUDKIDA_MASTER_KEY" placeholder:"KEY"`
}

// DBURLCmd prints the administrator's connection string.
type DBURLCmd struct{ dataFlags }

// Run prints it.
func (c *DBURLCmd) Run() error {
	url, err := server.DatabaseURL(c.Data, c.MasterKey)
	if err != nil {
		return err
	}
	fmt.Println(url)
	return nil
}

// TokenCmd prints an access token, for scripts on the server's own machine.
type TokenCmd struct {
	dataFlags
	Email       string        `arg:"" help:"The user's e-mail address."`
	For         time.Duration `help:"How long it is valid, at most 1h." default:"10m"`
	PublicURL   string        `help:"As of serve." default:"http://localhost:8080" env:"CLOUDKIDA_PUBLIC_URL"`
	DatabaseURL string        `help:"As of serve." env:"CLOUDKIDA_DATABASE_URL" placeholder:"URL"`
}

// Run prints it.
func (c *TokenCmd) Run(ctx context.Context) error {
	token, err := server.Token(ctx, server.TokenRequest{
		Data: c.Data, MasterKey: c.MasterKey, DatabaseURL: c.DatabaseURL, PublicURL: c.PublicURL, Email: c.Email, For: c.For,
	})
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}

// VersionCmd prints the version.
type VersionCmd struct{}

// Run prints it.
func (VersionCmd) Run() error {
	fmt.Println("cloudkida", server.Version)
	return nil
}

// OpenAPICmd prints the API's description.
type OpenAPICmd struct {
	ForGenerators bool `help:"As OpenAPI 3.0, which generators of clients understand."`
}

// Run prints it.
func (c OpenAPICmd) Run() error {
	describe := server.Describe
	if c.ForGenerators {
		describe = server.DescribeForGenerators
	}
	text, err := describe()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

// PermissionsCmd prints docs/api-permissions.md.
type PermissionsCmd struct{}

// Run prints it.
func (PermissionsCmd) Run() error {
	_, err := os.Stdout.Write(server.Permissions())
	return err
}
