package guide

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Kind of a block.
type Kind string

// The kinds.
const (
	Plain  Kind = "plain"  // to be read
	Copy   Kind = "copy"   // to be copied
	Run    Kind = "run"    // runs in a terminal on a click
	File   Kind = "file"   // becomes a file on a click
	Hidden Kind = "hidden" // for other programs; learners don't see it
)

// Block is what the words behind a fence say: the language, then options.
//
//	run         runs in a terminal; with terminal=2 in another than the first, on=NAME on another machine,
//	            interrupt ends what runs there first
//	file=~/a    writes a file below the learner's home
//	copy        is to be copied; nocopy offers no copy button
//	hidden      is not shown
type Block struct {
	Kind      Kind
	Language  string
	Path      string // of File, beginning with ~/
	On        string // machine of Run; "" is the first
	Terminal  int    // of Run, 1 to 9
	Interrupt bool
	NoCopy    bool
}

// ParseBlock reads the words behind a fence. What it does not understand is in problems, and ignored.
func ParseBlock(info string) (b Block, problems []string) {
	b = Block{Kind: Plain, Terminal: 1}
	words := strings.Fields(info)
	if len(words) == 0 {
		return b, nil
	}
	p := blockParser{block: &b, seen: map[string]bool{}}
	b.Language = p.language(words[0])
	for _, word := range words[1:] {
		p.option(word)
	}
	p.together()
	return b, p.problems
}

var languageName = regexp.MustCompile(`^[A-Za-z0-9_+#.-]{1,32}$`)

type blockParser struct {
	block    *Block
	seen     map[string]bool
	problems []string
}

func (p *blockParser) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

func (p *blockParser) language(word string) string {
	name, _, assigns := strings.Cut(word, "=")
	switch {
	case isOption(name, assigns):
		p.problem("the first word after a fence is the language, %q is an option: write for example ```sh %s", word, word)
		p.option(word)
		return ""
	case !languageName.MatchString(word):
		p.problem("%q is not a language: separate the language and the options by spaces", word)
		return ""
	}
	return word
}

// options that stand alone, and those with a value.
func flags() []string  { return []string{"run", "copy", "nocopy", "hidden", "interrupt"} }
func values() []string { return []string{"file", "on", "terminal"} }

func isOption(name string, assigns bool) bool {
	list := flags()
	if assigns {
		list = values()
	}
	for _, known := range list {
		if known == name {
			return true
		}
	}
	return false
}

func (p *blockParser) option(word string) {
	name, value, assigns := strings.Cut(word, "=")
	switch {
	case !isOption(name, assigns):
		p.problem("unknown option %q after the fence: there are %s, file=~/PATH, on=MACHINE, terminal=N", word, strings.Join(flags(), ", "))
		return
	case p.seen[name]:
		p.problem("the option %q is there twice", name)
		return
	}
	p.seen[name] = true
	switch name {
	case "interrupt":
		p.block.Interrupt = true
	case "nocopy":
		p.block.NoCopy = true
	case "on":
		p.block.On = value
	case "terminal":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 9 {
			p.problem("terminal=%s: terminals are 1 to 9", value)
			return
		}
		p.block.Terminal = n
	case "file":
		rest, ok := strings.CutPrefix(value, "~/")
		if !ok || !filepath.IsLocal(rest) || path.Clean(rest) != rest || rest == "." || strings.ContainsFunc(rest, unicode.IsControl) {
			p.problem("file=%s: name a file below the home directory, such as file=~/notes.txt", value)
			return
		}
		p.block.Path = value
	}
}

// together decides on the kind, and looks at options that do not go together.
func (p *blockParser) together() {
	b := p.block
	switch {
	case p.seen["hidden"]:
		b.Kind = Hidden
	case p.seen["run"]:
		b.Kind = Run
	case b.Path != "":
		b.Kind = File
	case p.seen["copy"]:
		b.Kind = Copy
	}
	if p.seen["run"] && p.seen["file"] {
		p.problem("a block either runs or becomes a file: take run or file= away")
	}
	if p.seen["copy"] && p.seen["nocopy"] {
		p.problem("copy and nocopy contradict each other")
	}
	for _, name := range []string{"interrupt", "on", "terminal"} {
		if p.seen[name] && !p.seen["run"] {
			p.problem("%s is for blocks that run: add run", name)
		}
	}
}

// write renders the block with its code.
func (b Block) write(w *strings.Builder, code string) {
	if b.Kind == Hidden {
		return
	}
	fmt.Fprintf(w, `<div class="block" data-kind="%s"`, b.Kind)
	switch b.Kind {
	case Run:
		fmt.Fprintf(w, ` data-terminal="%d"`, b.Terminal)
		if b.On != "" {
			fmt.Fprintf(w, ` data-on="%s"`, escape(b.On))
		}
		if b.Interrupt {
			w.WriteString(` data-interrupt`)
		}
	case File:
		fmt.Fprintf(w, ` data-path="%s"`, escape(b.Path))
	case Plain, Copy, Hidden:
	}
	if b.NoCopy {
		w.WriteString(` data-nocopy`)
	}
	w.WriteString(`><pre><code`)
	if b.Language != "" {
		fmt.Fprintf(w, ` class="language-%s"`, escape(b.Language))
	}
	w.WriteString(">" + escape(code) + "</code></pre></div>\n")
}
