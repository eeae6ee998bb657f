package httpx

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Access says who may reach a pattern. The attack suite computes from it what everybody must be answered.
type Access string

// The ways to be let in. There is no default: a pattern cannot be added without one of them.
const (
	ByPermission Access = "permission" // an operation of the API: whoever has the permission that it declares
	Anybody      Access = "public"     // the same answer for everybody, and nothing of any tenant in it
	PoolPage     Access = "pool-page"  // the people of the user pool that the address names; anybody sees the way in
	ByTicket     Access = "ticket"     // whoever holds a fresh one-time ticket for exactly this
	LabCookie    Access = "lab-cookie" // the origin of one port of one lab: whoever entered with a ticket for it
	OpsListener  Access = "ops"        // who reaches the private listener; never on the public one
)

// Route is one pattern with what was declared for it.
type Route struct {
	Pattern    string
	Access     Access
	Permission tenancy.Permission // with ByPermission
}

// Mux is a http.ServeMux that takes no pattern without a declaration, and can list them all. It is the only one of the
// program: internal/arch holds that nobody makes another.
type Mux struct {
	mux    http.ServeMux
	routes []Route
}

// NewMux returns a Mux without patterns.
func NewMux() *Mux { return &Mux{} }

// Handle adds a pattern of net/http.
func (m *Mux) Handle(pattern string, a Access, h http.Handler) {
	m.Declare(Route{Pattern: pattern, Access: a})
	m.mux.Handle(pattern, h)
}

// HandleFunc adds a pattern of net/http.
func (m *Mux) HandleFunc(pattern string, a Access, h http.HandlerFunc) { m.Handle(pattern, a, h) }

// Declare lists what is answered before the mux is asked, such as hosts of their own.
func (m *Mux) Declare(r Route) {
	if !slices.Contains([]Access{ByPermission, Anybody, PoolPage, ByTicket, LabCookie, OpsListener}, r.Access) ||
		(r.Access == ByPermission) != (r.Permission != "") {
		panic(fmt.Sprintf("%s declares no access: say who may reach it", r.Pattern))
	}
	m.routes = append(m.routes, r)
}

// Routes is every pattern that was added so far.
func (m *Mux) Routes() []Route { return slices.Clone(m.routes) }

// ServeHTTP hands the request to the pattern that fits best.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// operations adds the API's operations to a Mux, with the permissions that they declare.
type operations struct {
	huma.Adapter

	mux *Mux
	api *API
}

func (o *operations) Handle(op *huma.Operation, h func(huma.Context)) {
	p, _ := PermissionOf(op) // without one, Declare refuses
	o.mux.Declare(Route{Pattern: op.Method + " " + op.Path, Access: ByPermission, Permission: p})
	declare(op)
	if op.Method == http.MethodGet && whole(op) {
		h = tagged(h)
		o.api.readings[op.Path] = reading{op: op, handle: h}
	}
	o.Adapter.Handle(op, h)
}
