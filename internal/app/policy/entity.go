package policy

import (
	"iter"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// The kinds of entities that are not resources alone.
const (
	typeUser   cedar.EntityType = "User"
	typeGroup  cedar.EntityType = "Group"
	typeRole   cedar.EntityType = "Role"
	typeAction cedar.EntityType = "Action"
)

func actionUID(p tenancy.Permission) cedar.EntityUID {
	return cedar.NewEntityUID(typeAction, cedar.String(p))
}

// applicable are the policies that are for who asks, whatever they say.
type applicable struct {
	world *World
	lists [][]named
}

// All implements cedar.PolicyIterator.
func (a applicable) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, list := range a.lists {
			for _, p := range list {
				if a.world.is(p) && !yield(p.id, p.policy) {
					return
				}
			}
		}
	}
}

// ask asks Cedar about policies whose actions are known to match.
func (w *World) ask(p tenancy.Permission, about cedar.EntityUID, lists ...[]named) (cedar.Decision, cedar.Diagnostic) {
	return w.askAt(w.context, p, about, lists...)
}

func (w *World) askAt(moment cedar.Record, p tenancy.Permission, about cedar.EntityUID, lists ...[]named) (cedar.Decision, cedar.Diagnostic) {
	return cedar.Authorize(applicable{w, lists}, w.entities, cedar.Request{
		Principal: w.asker.UID, Action: actionUID(p), Resource: about, Context: moment,
	})
}

// is tells whether a policy is for who asks.
func (w *World) is(p named) bool {
	if p.exact {
		return p.who == w.asker.UID
	}
	return p.who == (cedar.EntityUID{}) || slices.Contains(w.above, p.who)
}

// Membership says which groups people are in, and which group each group is in.
type Membership struct {
	Groups  map[uuid.UUID][]uuid.UUID // by user
	Parents map[uuid.UUID]uuid.UUID   // by group
}

func (m *Membership) of(user uuid.UUID) []uuid.UUID {
	if m == nil {
		return nil
	}
	return m.Groups[user]
}

// asker is the entity of who asks.
func asker(id string, role tenancy.Role, groups []uuid.UUID) cedar.Entity {
	return person(id, append(groupUIDs(groups), cedar.NewEntityUID(typeRole, cedar.String(role))), groups)
}

func person(id string, parents []cedar.EntityUID, groups []uuid.UUID) cedar.Entity {
	set := make([]cedar.Value, len(groups))
	for n, uid := range groupUIDs(groups) {
		set[n] = uid
	}
	return cedar.Entity{
		UID: cedar.NewEntityUID(typeUser, cedar.String(id)), Parents: cedar.NewEntityUIDSet(parents...),
		Attributes: cedar.NewRecord(cedar.RecordMap{"groups": cedar.NewSet(set...)}),
	}
}

func groupUIDs(groups []uuid.UUID) []cedar.EntityUID {
	list := make([]cedar.EntityUID, len(groups))
	for n, g := range groups {
		list[n] = cedar.NewEntityUID(typeGroup, cedar.String(g.String()))
	}
	return list
}

// moment is the context of a request, in the zone of a time.
func moment(at time.Time, client string) cedar.Record {
	weekday := (int(at.Weekday())+6)%7 + 1 // Monday is 1
	return cedar.NewRecord(cedar.RecordMap{
		"client": cedar.String(client), "now": cedar.NewDatetime(at), "weekday": cedar.Long(weekday), "hour": cedar.Long(at.Hour()), "minute": cedar.Long(at.Minute()),
	})
}

// World is what one caller's questions are decided with.
type World struct {
	role     tenancy.Role
	asker    cedar.Entity
	above    []cedar.EntityUID // who asks, and everything that they are in
	entities cedar.EntityMap
	context  cedar.Record
	at       time.Time
	client   string
	members  *Membership
}

// NewWorld returns what somebody asks in at a moment; members may be nil where no policy looks at groups.
func NewWorld(scope tenancy.Scope, members *Membership, at time.Time) *World {
	w := &World{
		role: scope.Role, asker: asker(scope.User.String(), scope.Role, members.of(scope.Peer())), entities: cedar.EntityMap{},
		context: moment(at.UTC(), scope.Through()), at: at, client: scope.Through(), members: members,
	}
	w.entities[w.asker.UID] = w.asker
	w.above = append(slices.Collect(w.asker.Parents.All()), w.asker.UID)
	if members == nil {
		return w
	}
	for _, group := range members.of(scope.User) {
		if parent, nested := members.Parents[group]; nested {
			w.above = append(w.above, groupUIDs([]uuid.UUID{parent})...)
		}
	}
	for group, parent := range members.Parents {
		uid := cedar.NewEntityUID(typeGroup, cedar.String(group.String()))
		w.entities[uid] = cedar.Entity{UID: uid, Parents: cedar.NewEntityUIDSet(groupUIDs([]uuid.UUID{parent})...)}
	}
	return w
}

// resource makes a resource known and returns its id.
func (w *World) resource(e tenancy.Entity) cedar.EntityUID {
	uid := cedar.NewEntityUID(cedar.EntityType(e.Kind), cedar.String(e.ID))
	attributes := make(cedar.RecordMap, len(e.Attributes))
	for name, v := range e.Attributes {
		attributes[cedar.String(name)] = w.value(v)
	}
	parents := w.entities[uid].Parents // a group may be known by now
	w.entities[uid] = cedar.Entity{UID: uid, Parents: parents, Attributes: cedar.NewRecord(attributes)}
	return uid
}

func (w *World) value(v any) cedar.Value {
	switch v := v.(type) {
	case string:
		return cedar.String(v)
	case bool:
		return cedar.Boolean(v)
	case int:
		return cedar.Long(v)
	case []string:
		list := make([]cedar.Value, len(v))
		for n, text := range v {
			list[n] = cedar.String(text)
		}
		return cedar.NewSet(list...)
	case uuid.UUID:
		uid := cedar.NewEntityUID(typeUser, cedar.String(v.String()))
		if _, known := w.entities[uid]; !known {
			groups := w.members.of(v)
			w.entities[uid] = person(v.String(), groupUIDs(groups), groups)
		}
		return uid
	default:
		return nil // no policy can pass validation that reads it; evaluation fails, which denies
	}
}

// users are the people that questions about these resources involve, in order and each once.
func users(asker uuid.UUID, of []tenancy.Entity) []uuid.UUID {
	list := []uuid.UUID{asker}
	for _, e := range of {
		for _, v := range e.Attributes {
			if id, ok := v.(uuid.UUID); ok {
				list = append(list, id)
			}
		}
	}
	slices.SortFunc(list, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(list)
}
