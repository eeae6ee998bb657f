package policy

import (
	_ "embed" // the schema and the roles are files of this package
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cedar-policy/cedar-go"
	publicast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

//go:embed schema.cedarschema
var schemaText []byte

//go:embed roles.cedar
var rolesText []byte

// roleOperator stands in roles.cedar for who runs the installation; nobody has it in a tenant.
const roleOperator tenancy.Role = "operator"

// rules is what the program itself says: the schema, and what roles permit.
type rules struct {
	schema    *resolved.Schema
	validator *validate.Validator
	permits   map[tenancy.Permission][]named // by action
	allowed   map[tenancy.Role]map[tenancy.Permission]bool
	bound     map[tenancy.Permission]bool // organisations' own policies hold for it
}

// named is a policy with the id that decisions name it by. Its actions and, mostly, whom it is for are taken out of it: they
// choose, quicker, which policies are asked at all.
type named struct {
	id     cedar.PolicyID
	policy *cedar.Policy
	who    cedar.EntityUID // whom it is for: somebody, or who is in something; zero: everybody
	exact  bool            // who is somebody
}

// ready makes a policy quick to ask where its actions are known to match.
func ready(id cedar.PolicyID, p *cedar.Policy) named {
	tree := *(*ast.Policy)(p.AST())
	n := named{id: id}
	tree.Action = ast.Scope{}.All()
	switch s := tree.Principal.(type) {
	case ast.ScopeTypeEq:
		n.who, n.exact, tree.Principal = s.Entity, true, ast.Scope{}.All()
	case ast.ScopeTypeIn:
		n.who, tree.Principal = s.Entity, ast.Scope{}.All()
	}
	n.policy = cedar.NewPolicyFromAST((*publicast.Policy)(&tree))
	return n
}

// builtin is the program's rules, read once: their text is a part of the program.
var builtin = sync.OnceValue(func() *rules { //nolint:gochecknoglobals // constants that Go has no constants for
	r, err := readRules(schemaText, rolesText)
	if err != nil {
		panic(err) // a test reads them, too
	}
	return r
})

// Check tells whether the program's own schema and policies are sound. The server asks before it serves.
func Check() error { return CheckRules(schemaText, rolesText) }

// CheckRules tells whether a schema and what it lets roles do are sound.
func CheckRules(schemaText, rolesText []byte) error {
	_, err := readRules(schemaText, rolesText)
	return err
}

// readRules reads and validates a schema and the policies of roles, and works out what each role may do. No policy of a
// role looks at attributes or at the moment, so that one question for each kind of resource is enough.
func readRules(schemaText, rolesText []byte) (*rules, error) {
	var s schema.Schema
	if err := s.UnmarshalCedar(schemaText); err != nil {
		return nil, fmt.Errorf("schema.cedarschema: %w", err)
	}
	known, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("schema.cedarschema: %w", err)
	}
	list, err := cedar.NewPolicyListFromBytes("roles.cedar", rolesText)
	if err != nil {
		return nil, fmt.Errorf("roles.cedar: %w", err)
	}
	r := &rules{
		schema: known, validator: validate.New(known), permits: map[tenancy.Permission][]named{},
		allowed: map[tenancy.Role]map[tenancy.Permission]bool{}, bound: map[tenancy.Permission]bool{},
	}
	for _, p := range list {
		id := cedar.PolicyID(p.Annotations()["id"])
		tree := (*ast.Policy)(p.AST())
		if err := r.validator.Policy(string(id), tree); err != nil {
			return nil, fmt.Errorf("roles.cedar: %w", err)
		}
		if id == "" || p.Effect() != cedar.Permit || len(tree.Conditions) > 0 {
			return nil, fmt.Errorf("roles.cedar: the policy %q at line %d is not a permission with an id and without conditions", id, p.Position().Line)
		}
		for _, action := range r.actionsOf(tree.Action) {
			r.permits[action] = append(r.permits[action], ready(id, p))
		}
	}
	r.table()
	return r, nil
}

// table works out what each role may do to anything at all.
func (r *rules) table() {
	roles := []tenancy.Role{
		tenancy.RoleLearner, tenancy.RoleInstructor, tenancy.RoleAuthor, tenancy.RoleAdmin, tenancy.RoleOwner, tenancy.RoleSystem, roleOperator,
	}
	for uid, action := range r.schema.Actions {
		p := tenancy.Permission(uid.ID)
		_, rolesAlone := action.Annotations["roles"]
		r.bound[p] = !rolesAlone
		for _, role := range roles {
			if r.allowed[role] == nil {
				r.allowed[role] = map[tenancy.Permission]bool{}
			}
			for _, kind := range action.AppliesTo.Resources {
				if r.permit(role, p, kind) {
					r.allowed[role][p] = true
				}
			}
		}
	}
}

// permit asks Cedar whether a role has a permission for a kind of resource.
func (r *rules) permit(role tenancy.Role, p tenancy.Permission, kind cedar.EntityType) bool {
	w := NewWorld(tenancy.Scope{Role: role}, nil, time.Time{})
	decision, _ := w.ask(p, cedar.NewEntityUID(kind, ""), r.permits[p])
	return decision == cedar.Allow
}

// actionsOf are the actions that a policy is for.
func (r *rules) actionsOf(scope ast.IsActionScopeNode) []tenancy.Permission {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return []tenancy.Permission{tenancy.Permission(s.Entity.ID)}
	case ast.ScopeTypeInSet:
		list := make([]tenancy.Permission, len(s.Entities))
		for n, e := range s.Entities {
			list[n] = tenancy.Permission(e.ID)
		}
		return list
	case ast.ScopeTypeIn: // the schema has no groups of actions
		return []tenancy.Permission{tenancy.Permission(s.Entity.ID)}
	default:
		return r.actions()
	}
}

// actions are all permissions, in order.
func (r *rules) actions() []tenancy.Permission {
	all := make([]tenancy.Permission, 0, len(r.schema.Actions))
	for uid := range r.schema.Actions {
		all = append(all, tenancy.Permission(uid.ID))
	}
	slices.Sort(all)
	return all
}

// Permissions of a role within its tenant, in order.
func Permissions(r tenancy.Role) []tenancy.Permission {
	if r == roleOperator {
		return nil
	}
	return slices.Sorted(maps.Keys(builtin().allowed[r]))
}
