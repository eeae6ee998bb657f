package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Bounds of one policy's text. They are looked at before the text is, or while it is, so that no text costs more than a
// few milliseconds.
const (
	maxText       = 8 << 10
	maxNesting    = 32
	maxOperators  = 400 // tokens that join or negate: what the validator's work grows with
	maxStatements = 20
	maxProblems   = 20
)

// Problem is one mistake in a policy's text. Lines and columns are counted from 1.
type Problem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// Parse reads and validates a policy's text. It returns the groups that the text names, and all of its mistakes at once.
func Parse(text string) (groups []uuid.UUID, problems []Problem) {
	if p := bounded(text); p != nil {
		return nil, []Problem{*p}
	}
	list, err := cedar.NewPolicyListFromBytes("", []byte(text))
	if err != nil {
		return nil, []Problem{syntax(err)}
	}
	switch {
	case len(list) == 0:
		return nil, []Problem{{1, 1, "There is no statement. Begin with forbid (principal, action, resource)."}}
	case len(list) > maxStatements:
		return nil, []Problem{{list[maxStatements].Position().Line, 1, fmt.Sprintf("A policy has at most %d statements.", maxStatements)}}
	}
	for n, p := range list {
		end := len(text)
		if n+1 < len(list) {
			end = list[n+1].Position().Offset
		}
		c := checker{text: text[p.Position().Offset:end], line: p.Position().Line, column: p.Position().Column}
		c.statement(p)
		problems = append(problems, c.problems...)
		groups = append(groups, c.groups...)
	}
	return groups, problems[:min(len(problems), maxProblems)]
}

// bounded finds what is too much in a text, without parsing it.
func bounded(text string) *Problem {
	switch {
	case len(text) > maxText:
		return &Problem{1, 1, fmt.Sprintf("A policy has at most %d bytes; this one has %d.", maxText, len(text))}
	case !utf8.ValidString(text):
		return &Problem{1, 1, "The text is not valid UTF-8."}
	}
	depth, operators, line, start := 0, 0, 1, 0
	for n := range len(text) {
		switch text[n] {
		case '\n':
			line, start = line+1, n+1
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '!', '-', '&', '|', '+', '*', '.', '=', '<', '>', ',', '?':
			operators++
		case 'i': // if ... then ... else nests without brackets, too
			if strings.HasPrefix(text[n:], "if") {
				operators += 4
			}
		}
		switch {
		case depth > maxNesting:
			return &Problem{line, n - start + 1, fmt.Sprintf("The text is nested more than %d deep.", maxNesting)}
		case operators > maxOperators:
			return &Problem{line, n - start + 1, "The text has too many parts. Make several policies of it."}
		}
	}
	return nil
}

var (
	position = regexp.MustCompile(`^(?:parser error: )?parse error at <input>:(\d+):(\d+) ("(?:[^"\\]|\\.)*"): `)
	quoted   = regexp.MustCompile("`([^`]+)`")
)

// syntax turns the parser's error into a problem.
func syntax(err error) Problem {
	text := err.Error()
	p := Problem{1, 1, text}
	if at := position.FindStringSubmatch(text); at != nil {
		p.Line, _ = strconv.Atoi(at[1])
		p.Column, _ = strconv.Atoi(at[2])
		p.Message = "Cannot be read here"
		if at[3] != `""` {
			p.Message += ", near " + at[3]
		}
		p.Message += ": " + strings.TrimPrefix(text[len(at[0]):], "exact ") + "."
	}
	return p
}

// checker looks through one statement.
type checker struct {
	text         string // of the statement
	line, column int    // where it begins
	problems     []Problem
	groups       []uuid.UUID
}

func (c *checker) statement(p *cedar.Policy) {
	tree := (*ast.Policy)(p.AST())
	c.annotations(p)
	if p.Effect() != cedar.Forbid {
		c.problem("permit", "A policy of an organisation only takes away: write forbid. What people may do, their role says.")
	}
	if err := builtin().validator.Policy("", tree); err != nil {
		for _, e := range split(err) {
			c.problem(c.named(e.Error()), sentence(e.Error()))
		}
	}
	if _, everything := tree.Action.(ast.ScopeTypeAll); !everything {
		for _, action := range builtin().actionsOf(tree.Action) {
			if bound, known := builtin().bound[action]; known && !bound {
				c.problem(string(action), fmt.Sprintf("No policy can take %s away: roles alone decide it.", action))
			}
		}
	}
	c.entity(scopeEntity(tree.Principal))
	c.entity(scopeEntity(tree.Resource))
	for _, cond := range tree.Conditions {
		ast.Inspect(ast.NewNode(cond.Body), c.node)
	}
}

// named is the first word in backticks that the statement has, too.
func (c *checker) named(message string) string {
	for _, word := range quoted.FindAllStringSubmatch(message, -1) {
		if strings.Contains(c.text, word[1]) {
			return word[1]
		}
	}
	return ""
}

// node refuses what the validator lets pass but what has no answer here: only who asks has a role, and attributes are
// known of what is asked about alone.
func (c *checker) node(n ast.IsNode) bool {
	switch n := n.(type) {
	case ast.NodeTypeIn:
		if e, ok := value(n.Right); ok && e.Type == typeRole {
			if v, ok := n.Left.(ast.NodeTypeVariable); !ok || v.Name != "principal" {
				c.problem(string(e.Type)+"::", "Only principal has a role here. Look at groups of the others.")
			}
		}
	case ast.NodeTypeAccess:
		c.attribute(n.Arg)
	case ast.NodeTypeHas:
		c.attribute(n.Arg)
	case ast.NodeValue:
		if e, ok := n.Value.(cedar.EntityUID); ok {
			c.entity(&e)
		}
	}
	return true
}

func (c *checker) attribute(of ast.IsNode) {
	if e, ok := value(of); ok {
		c.problem(string(e.ID), "Attributes are known of principal and resource alone.")
	}
}

func value(n ast.IsNode) (cedar.EntityUID, bool) {
	if v, ok := n.(ast.NodeValue); ok {
		e, ok := v.Value.(cedar.EntityUID)
		return e, ok
	}
	return cedar.EntityUID{}, false
}

// entity looks at an entity that the text names.
func (c *checker) entity(e *cedar.EntityUID) {
	switch {
	case e == nil:
	case e.Type == typeGroup:
		id, err := uuid.Parse(string(e.ID))
		if err != nil || id.String() != string(e.ID) {
			c.problem(string(e.ID), "A group is named by its id; the list of groups has it.")
			return
		}
		c.groups = append(c.groups, id)
	case e.Type == typeUser:
		if id, err := uuid.Parse(string(e.ID)); err != nil || id.String() != string(e.ID) {
			c.problem(string(e.ID), "A user is named by the id; the list of members has it.")
		}
	case e.Type == typeRole:
		if len(Permissions(tenancy.Role(e.ID))) == 0 || tenancy.Role(e.ID) == tenancy.RoleSystem {
			c.problem(string(e.ID), "There is no such role: owner, admin, author, instructor, learner.")
		}
	}
}

// problem adds a problem at the first place where the statement has the word, or at its beginning.
func (c *checker) problem(word, message string) {
	p := Problem{c.line, c.column, message}
	if at := strings.Index(c.text, word); at > 0 && word != "" {
		before := c.text[:at]
		p.Line += strings.Count(before, "\n")
		last := strings.LastIndexByte(before, '\n')
		p.Column = utf8.RuneCountInString(before[last+1:]) + 1
		if last < 0 {
			p.Column += c.column - 1
		}
	}
	if !slices.Contains(c.problems, p) {
		c.problems = append(c.problems, p)
	}
}

// split takes joined errors apart.
func split(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

func sentence(text string) string {
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func scopeOf(p *cedar.Policy) ast.IsActionScopeNode { return (*ast.Policy)(p.AST()).Action }

// scopeEntity is the entity that a statement's head names.
func scopeEntity(scope ast.IsScopeNode) *cedar.EntityUID {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return &s.Entity
	case ast.ScopeTypeIn:
		return &s.Entity
	case ast.ScopeTypeIsIn:
		return &s.Entity
	default:
		return nil
	}
}
