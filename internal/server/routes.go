package server

import (
	"log/slog"
	"maps"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/app/apikey"
	"github.com/cloudkida/cloudkida/internal/app/auditlog"
	"github.com/cloudkida/cloudkida/internal/app/group"
	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/factor"
	"github.com/cloudkida/cloudkida/internal/app/identity/federation"
	"github.com/cloudkida/cloudkida/internal/app/identity/machine"
	"github.com/cloudkida/cloudkida/internal/app/invitation"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/mailtemplate"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/person"
	"github.com/cloudkida/cloudkida/internal/app/session"
	"github.com/cloudkida/cloudkida/internal/app/terminal"
	"github.com/cloudkida/cloudkida/internal/app/webport"
	"github.com/cloudkida/cloudkida/internal/control/branding"
	"github.com/cloudkida/cloudkida/internal/control/directory"
	"github.com/cloudkida/cloudkida/internal/control/environment"
	"github.com/cloudkida/cloudkida/internal/control/export"
	"github.com/cloudkida/cloudkida/internal/control/registration"
	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/control/upgrade"
	"github.com/cloudkida/cloudkida/internal/control/usage"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/idempotency"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/obs"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// Describe is the API's description, without a program that serves it.
func Describe() ([]byte, error) { return describe(skeleton().api(httpx.NewMux())) }

// DescribeForGenerators is the same description as OpenAPI 3.0, which generators of clients understand. Errors, which have
// one form whatever their status, are described once for each operation: clients would be several times as long.
func DescribeForGenerators() ([]byte, error) {
	doc := skeleton().api(httpx.NewMux()).OpenAPI()
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			op.Responses["default"] = op.Responses["422"]
			maps.DeleteFunc(op.Responses, func(status string, _ *huma.Response) bool { return status[0] >= '3' && status[0] <= '5' })
		}
	}
	return doc.Downgrade()
}

// Routes lists every pattern of the public listener and of the private one, without a program that serves them.
func Routes() (public, private []httpx.Route) {
	p := skeleton()
	_, mux := p.handler()
	return mux.Routes(), p.opsMux().Routes()
}

// skeleton is a program that has every route and can answer none.
func skeleton() *program {
	silent := slog.New(slog.DiscardHandler)
	return &program{
		cfg: Config{PublicURL: "http://localhost", LabsDomain: "labs.localhost"}, metrics: obs.New(silent),
		identity: &identity.Service{Machines: &machine.Service{}, Factors: &factor.Service{}, Federation: &federation.Service{}}, clients: &client.Registry{}, keys: &apikey.Service{}, members: &member.Service{}, groups: &group.Service{}, invitations: &invitation.Service{}, labs: &lab.Service{}, sessions: &session.Service{},
		terminals: &terminal.Service{}, webports: &webport.Service{Labs: &url.URL{}, Log: silent}, environments: &environment.Service{},
		upgrades: &upgrade.Service{}, workflows: &workflow.Engine{}, mail: &mail.Service{}, tiers: &tier.Service{}, usage: &usage.Service{}, tenants: &tenant.Service{},
		exports: &export.Service{}, signer: &proof.Signer{}, templates: &mailtemplate.Service{}, audits: &auditlog.Service{}, persons: &person.Service{},
		answers: &idempotency.Service{}, console: &job.Console{}, registration: &registration.Service{}, directory: &directory.Service{},
		brands: &branding.Service{},
	}
}
