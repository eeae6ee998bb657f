package identity_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// What discovery tells is compared with what is served, both ways.
func TestDiscoveryTellsTheTruth(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.silo("silo", "Silo")
	owner := e.member("owner", e.tenant("acme", "Acme"), tenancy.RoleOwner)
	id, secret := e.bot(owner, tenancy.RoleLearner)
	for _, pool := range []string{"default", "silo"} {
		issuer := e.server.URL + "/pools/" + pool
		v := e.browser().get("/pools/" + pool + "/.well-known/openid-configuration")
		var d map[string]any
		if err := json.Unmarshal([]byte(v.body), &d); err != nil || v.status != http.StatusOK {
			t.Fatalf("%d %s", v.status, v.body)
		}
		want := map[string]string{
			"authorization_endpoint": "GET authorize", "token_endpoint": "POST token", "userinfo_endpoint": "GET userinfo", "jwks_uri": "GET keys",
			"revocation_endpoint": "POST revoke", "introspection_endpoint": "POST introspect", "end_session_endpoint": "GET end-session",
			"device_authorization_endpoint": "POST device-authorization",
		}
		for name, value := range d {
			address, isText := value.(string)
			if !isText || (!strings.HasSuffix(name, "_endpoint") && name != "jwks_uri") {
				continue
			}
			method, path, _ := strings.Cut(want[name], " ")
			if want[name] == "" || address != issuer+"/"+path {
				t.Errorf("%s is %s", name, address)
				continue
			}
			delete(want, name)
			got := e.browser().get(address)
			if method == http.MethodPost {
				got = e.browser().post(address, url.Values{})
			}
			if got.status == http.StatusNotFound || got.status == http.StatusMethodNotAllowed || got.status >= http.StatusInternalServerError {
				t.Errorf("%s %s: %d", method, address, got.status)
			}
		}
		if len(want) > 0 || d["issuer"] != issuer {
			t.Errorf("%s does not tell %v: %v", pool, want, d)
		}
		for _, false_ := range []string{"registration_endpoint", "check_session_iframe", "request_uri_parameter_supported"} {
			if value, told := d[false_]; told && value != false {
				t.Errorf("%s: %v", false_, value)
			}
		}
		e.grants(issuer, d, pool == "default", id, secret)
	}
}

// grants tries every grant and method of authentication that there could be.
func (e *env) grants(issuer string, d map[string]any, machines bool, id, secret string) {
	e.t.Helper()
	told := func(name string) (list []string) {
		values, _ := d[name].([]any)
		for _, v := range values {
			text, _ := v.(string)
			list = append(list, text)
		}
		return list
	}
	grants := told("grant_types_supported")
	for _, grant := range []string{"authorization_code", "refresh_token", "client_credentials", deviceGrant, "password", "implicit",
		"urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer"} {
		v := e.browser().post(issuer+"/token", url.Values{"grant_type": {grant}, "client_id": {"cli"}})
		if served := !strings.Contains(v.body, "unsupported_grant_type"); served != slices.Contains(grants, grant) {
			e.t.Errorf("%s is served: %t, told: %v", grant, served, grants)
		}
	}
	if got := told("token_endpoint_auth_methods_supported"); !slices.Equal(got, []string{"none", "client_secret_basic", "client_secret_post"}) {
		e.t.Errorf("methods %v", got)
	}
	if got := told("introspection_endpoint_auth_methods_supported"); !slices.Equal(got, []string{"client_secret_basic", "client_secret_post"}) {
		e.t.Errorf("methods of introspection %v", got)
	}
	for name, want := range map[string][]string{
		"response_types_supported": {"code"}, "response_modes_supported": {"query"}, "code_challenge_methods_supported": {"S256"},
		"id_token_signing_alg_values_supported": {"ES256"}, "subject_types_supported": {"public"},
		"scopes_supported": {"openid", "profile", "email", "offline_access"},
	} {
		if got := told(name); !slices.Equal(got, want) {
			e.t.Errorf("%s: %v", name, got)
		}
	}
	if d["authorization_response_iss_parameter_supported"] != true {
		e.t.Error("iss is not told")
	}
	if machines {
		e.botToken(id, secret)
	}
}
