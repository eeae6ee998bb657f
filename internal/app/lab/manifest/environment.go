package manifest

import (
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"go.yaml.in/yaml/v4"
)

func (d *decoder) environment(e *Environment, n *yaml.Node, r rules) {
	d.object(n, "the environment", fields{
		"machines":   must(func(n *yaml.Node) { d.machines(e, n, r) }),
		"network":    may(func(n *yaml.Node) { d.network(e, n) }),
		"kubernetes": d.unavailable("Kubernetes environments"),
		"account":    d.unavailable("cloud accounts"),
	})
}

func (d *decoder) network(e *Environment, n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		d.object(n, "the network", fields{"egress": d.unavailable("network access")})
		return
	}
	oneOf(d, &e.Network, "none")(n)
}

func (d *decoder) machines(e *Environment, n *yaml.Node, r rules) {
	const most = 20 // far above what this version runs: so that their problems show, too
	items := d.items(n, "machines", most)
	switch {
	case n.Kind == yaml.SequenceNode && len(items) == 0:
		d.problem(n, "a lab needs a machine")
	case len(items) > 1:
		d.problem(items[1], "more than one machine: not available in this version")
	}
	e.Machines = make([]Machine, len(items))
	ports := map[string]bool{}
	for i, item := range items {
		d.machine(&e.Machines[i], item, r, ports)
		for j := range i {
			if e.Machines[i].Name != "" && e.Machines[j].Name == e.Machines[i].Name {
				d.problem(item, "two machines are called %q", e.Machines[i].Name)
			}
		}
	}
}

func (d *decoder) machine(m *Machine, n *yaml.Node, r rules, ports map[string]bool) {
	d.object(n, "a machine", fields{
		"name":   must(d.word(&m.Name, r.name)),
		"image":  must(d.image(&m.Image)),
		"cpu":    may(d.cores(&m.CPU, minCPU, maxCPU)),
		"memory": may(d.size(&m.Memory, minMemory, maxMemory)),
		"disk":   may(d.size(&m.Disk, minDisk, maxDisk)),
		"sudo":   may(d.yes(&m.Sudo)),
		"ports":  may(func(n *yaml.Node) { d.ports(m, n, r, ports) }),
		"files":  may(func(n *yaml.Node) { d.files(m, n) }),
	})
}

func (d *decoder) image(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n, "an image")
		if !ok {
			return
		}
		if _, err := name.ParseReference(text); err != nil && text != Toolbox {
			d.problem(n, "the image %q does not parse: write toolbox, or a reference such as registry.example/team/image:1.0", short(text))
			return
		}
		*to = text
	}
}

// ports reads a machine's web ports; their names are unique in the lab, because {{port:name}} names one.
func (d *decoder) ports(m *Machine, n *yaml.Node, r rules, taken map[string]bool) {
	for _, item := range d.items(n, "ports", maxPorts) {
		var p Port
		d.object(item, "a port", fields{
			"name": must(d.word(&p.Name, r.port)),
			"port": must(d.number(&p.Port, 1, 65535)),
		})
		if p.Name != "" && taken[p.Name] {
			d.problem(item, "two ports are called %q", p.Name)
		}
		if p.Port != 0 && slices.ContainsFunc(m.Ports, func(o Port) bool { return o.Port == p.Port }) {
			d.problem(item, "the port %d is there twice", p.Port)
		}
		taken[p.Name] = true
		m.Ports = append(m.Ports, p)
	}
}

// files reads what is put into the machine: a directory of the lab with all below it, or one file.
func (d *decoder) files(m *Machine, n *yaml.Node) {
	for _, item := range d.items(n, "files", maxMounts) {
		var from, to string
		d.object(item, "an entry of files", fields{
			"from": must(d.line(&from, maxPath)),
			"to":   must(d.line(&to, maxPath)),
		})
		if from == "" || to == "" {
			continue
		}
		if message := badTarget(to); message != "" {
			d.problem(item, "to: %q %s", to, message)
			continue
		}
		list := d.expand(item, from, to)
		for _, f := range list {
			m.Files = slices.DeleteFunc(m.Files, func(o File) bool { return o.Path == f.Path })
		}
		m.Files = append(m.Files, list...)
	}
}

// expand finds the files that an entry names.
func (d *decoder) expand(n *yaml.Node, from, to string) (list []File) {
	clean := path.Clean(from)
	if message := badPath(clean); message != "" && clean != "." || strings.HasPrefix(from, "/") {
		d.problem(n, "from: %q must be a path within the lab", from)
		return nil
	}
	if e, ok := d.tree[clean]; ok {
		if strings.HasSuffix(to, "/") {
			to = path.Join(to, path.Base(clean))
		}
		return []File{newFile(path.Clean(to), e)}
	}
	prefix := clean + "/"
	if clean == "." {
		prefix = ""
	}
	for _, name := range d.tree.Paths() {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			list = append(list, newFile(path.Join(to, rest), d.tree[name]))
		}
	}
	if len(list) == 0 {
		d.problem(n, "from: there is no file or directory %q in the lab, or it is empty", from)
	}
	return list
}

func newFile(target string, e Entry) File {
	user := UserRoot
	if strings.HasPrefix(target, Home+"/") {
		user = UserLearner
	}
	return File{Path: target, Mode: e.Mode(), User: user, Data: e.Data}
}

// badTarget says why a path in a machine cannot be written to, or "".
func badTarget(to string) string {
	clean := path.Clean(to)
	if !path.IsAbs(to) || clean == "/" {
		return "must be an absolute path, such as " + Home
	}
	for part := range strings.SplitSeq(to, "/") {
		if part == ".." {
			return "must not contain .."
		}
	}
	for _, kernel := range []string{"/proc", "/sys", "/dev"} {
		if clean == kernel || strings.HasPrefix(clean, kernel+"/") {
			return "is the kernel's, not a place for files"
		}
	}
	return ""
}
