package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// CompletionCmd prints what a shell needs to complete commands and flags.
type CompletionCmd struct {
	Shell string `arg:"" help:"The shell." enum:"bash,zsh,fish"`
}

// Each script asks the program itself, so that it is never out of date.
const (
	bashScript = `_cloudkida() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$(cloudkida complete -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _cloudkida cloudkida
`
	zshScript = `#compdef cloudkida
_cloudkida() {
  local -a found
  found=(${(f)"$(cloudkida complete -- "${(@)words[2,CURRENT-1]}" 2>/dev/null)"})
  if (( $#found )); then compadd -a found; else _files; fi
}
compdef _cloudkida cloudkida
`
	fishScript = `function __cloudkida
  set -l words (commandline -opc)
  cloudkida complete -- $words[2..-1] 2>/dev/null
end
complete -c cloudkida -f -a '(__cloudkida)'
`
)

// Run prints the script: eval "$(cloudkida completion bash)".
func (c *CompletionCmd) Run() error { //nolint:unparam // the form that kong calls
	fmt.Print(map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell])
	return nil
}

// CompleteCmd prints what may come after some words; shells ask it.
type CompleteCmd struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// Run follows the words down the tree of commands.
func (c *CompleteCmd) Run(k *kong.Context) error { //nolint:unparam // the form that kong calls
	node, last := k.Model.Node, ""
	for _, word := range c.Words {
		if word == "--" && last == "" {
			continue
		}
		last = word
		for _, child := range node.Children {
			if child.Name == word {
				node = child
			}
		}
	}
	var found []string
	for _, child := range node.Children {
		if !child.Hidden {
			found = append(found, child.Name)
		}
	}
	values := false
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			if last == "--"+flag.Name && flag.Enum != "" {
				found, values = slices.DeleteFunc(strings.Split(flag.Enum, ","), func(v string) bool { return v == "" }), true
				break
			}
			if !values {
				found = append(found, "--"+flag.Name)
			}
		}
	}
	if len(node.Children) == 0 && !values {
		for _, p := range node.Positional {
			if p.Enum != "" {
				found = append(found, strings.Split(p.Enum, ",")...)
			}
		}
	}
	for _, f := range found {
		fmt.Println(f)
	}
	return nil
}
