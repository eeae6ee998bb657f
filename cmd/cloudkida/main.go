// Command cloudkida runs the platform and works with its labs: see `cloudkida --help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/cloudkida/cloudkida/internal/server"
)

// commands is the command line.
type commands struct {
	Serve       ServeCmd       `cmd:"" help:"Run the platform."`
	Login       LoginCmd       `cmd:"" help:"Sign in to a server, by a code that you type in a browser."`
	Logout      LogoutCmd      `cmd:"" help:"Sign out."`
	Whoami      WhoamiCmd      `cmd:"" help:"Tell who is signed in."`
	Lab         LabCmd         `cmd:"" help:"Check, prove and publish labs, and see the catalogue."`
	Session     SessionCmd     `cmd:"" help:"Start, see and end labs."`
	Member      MemberCmd      `cmd:"" help:"Work with the people of your organisation."`
	DB          DBCmd          `cmd:"" name:"db" help:"Look into the embedded database."`
	Token       TokenCmd       `cmd:"" help:"Print an access token for a user, on the server's own machine."`
	Tenant      TenantCmd      `cmd:"" help:"Work with whole organisations, as an operator."`
	Audit       AuditCmd       `cmd:"" help:"Prove that audit logs are whole."`
	OpenAPI     OpenAPICmd     `cmd:"" name:"openapi" help:"Print the API's description."`
	Permissions PermissionsCmd `cmd:"" help:"Print what every address of the API needs." hidden:""`
	Version     VersionCmd     `cmd:"" help:"Print the program's version."`

	Completion CompletionCmd `cmd:"" help:"Print what a shell needs to complete commands."`
	Complete   CompleteCmd   `cmd:"" hidden:""`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli commands
	k := kong.Parse(&cli, kong.Name("cloudkida"), kong.Description("Hands-on labs for many organisations, from one program."),
		kong.Vars{"data": server.DefaultData()}, kong.BindTo(ctx, (*context.Context)(nil)), kong.ShortUsageOnError())
	k.FatalIfErrorf(k.Run())
}
