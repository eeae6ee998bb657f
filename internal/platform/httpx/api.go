// Package httpx is how features speak HTTP: one API that describes itself, one form of error, and the bounds that every
// request is under. It knows no feature.
package httpx

import (
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Permissions that are not a role's: Public routes need no sign-in, SignedIn ones any active member.
const (
	Public   tenancy.Permission = "public"
	SignedIn tenancy.Permission = "signed-in"
)

// permissionKey is where an operation's metadata holds its permission.
const permissionKey = "permission"

// apiVersion is the one in every address. It is not the program's, which changes without the API.
const apiVersion = "v1"

// Bounds of an ordinary JSON request; an operation may set its own.
const (
	maxBody  = 1 << 20
	bodyTime = 15 * time.Second
)

// API is the one that describes itself, with what all of its operations do alike: ETags, conditions, and their description.
type API struct {
	huma.API

	readings map[string]reading // by path
}

// Config is how the API was made; huma asks for it.
func (a *API) Config() huma.Config {
	made, _ := a.API.(interface{ Config() huma.Config })
	return made.Config()
}

// UseMiddleware adds what every request passes. What a request reads for itself has passed it.
func (a *API) UseMiddleware(list ...func(huma.Context, func(huma.Context))) {
	for _, m := range list {
		a.API.UseMiddleware(func(hctx huma.Context, next func(huma.Context)) {
			if within(hctx.Context()) {
				next(hctx)
				return
			}
			m(hctx, next)
		})
	}
}

// NewAPI returns an API whose routes land on mux. Its description is complete once every feature has registered.
func NewAPI(mux *Mux) *API {
	useHuma()
	cfg := huma.DefaultConfig("Cloudkida", apiVersion)
	cfg.Info.Description = "Hands-on labs: the catalogue, sessions and their environments. Errors are RFC 9457 problems with a stable code."
	cfg.DocsPath = ""    // ours needs no network: see package apidocs
	cfg.SchemasPath = "" // schemas are part of /openapi.json
	cfg.OpenAPIPath = "" // served by the caller, as one immutable text
	cfg.CreateHooks = nil
	cfg.Components = &huma.Components{
		Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
		SecuritySchemes: map[string]*huma.SecurityScheme{
			"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
		},
	}
	api := &API{readings: map[string]reading{}}
	api.API = huma.NewAPI(cfg, &operations{Adapter: humago.NewAdapter(&mux.mux, ""), mux: mux, api: api})
	return api
}

// Operation describes a route with the permission that it needs. Register it with huma.Register.
func Operation(method, path, id string, p tenancy.Permission, summary string, tags ...string) huma.Operation {
	op := huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary, Tags: tags,
		MaxBodyBytes: maxBody, BodyReadTimeout: bodyTime,
		Metadata: map[string]any{permissionKey: p}, Extensions: map[string]any{"x-permission": string(p)},
		Errors: []int{http.StatusUnprocessableEntity},
	}
	if p != Public {
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	return op
}

// PermissionOf is the permission that an operation declares; ok is false when it declares none.
func PermissionOf(op *huma.Operation) (p tenancy.Permission, ok bool) {
	p, ok = op.Metadata[permissionKey].(tenancy.Permission)
	return p, ok
}

// featureKey is where an operation's metadata holds the feature that a plan must have.
const featureKey = "feature"

// Entitled declares that an operation is for organisations whose plan has a feature.
func Entitled(op huma.Operation, feature string) huma.Operation {
	op.Metadata[featureKey], op.Extensions["x-feature"] = feature, feature
	return op
}

// FeatureOf is the feature that a plan must have for an operation, or "".
func FeatureOf(op *huma.Operation) string {
	feature, _ := op.Metadata[featureKey].(string)
	return feature
}

// schemaName names a Go type in the API's description: lab.Summary is LabSummary, lab.Lab is Lab.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	path := t.PkgPath()
	if t.Name() == "" || !strings.Contains(path, "/internal/") {
		return name
	}
	feature := path[strings.LastIndexByte(path, '/')+1:]
	feature = strings.ToUpper(feature[:1]) + feature[1:]
	if feature == "Httpx" || strings.HasPrefix(name, feature) {
		return name
	}
	return feature + name
}
