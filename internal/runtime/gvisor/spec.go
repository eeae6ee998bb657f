package gvisor

import (
	"fmt"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// What an environment has when its lab does not say.
const (
	defaultMemory = 512 << 20
	defaultDisk   = 128 << 20
	defaultCPU    = 1.0
	tmpSize       = 64 << 20
)

// Bounds on processes. The rlimit contains a fork bomb within the environment; the cgroup's is for the host, and far
// above it because the sandbox's own threads count there, and reaching it ends the sandbox.
const (
	maxProcesses = 128
	maxThreads   = 2048
	maxOpenFiles = 1024
)

// cpuPeriod is the cgroup's, in microseconds.
const cpuPeriod = 100_000

// Where the agent and its socket are, in an environment.
const (
	agentPath  = "/.cloudkida/agent"
	socketPath = "/.cloudkida/socket"
)

func diskOf(s sandbox.Spec) int64 {
	if s.Disk > 0 {
		return s.Disk
	}
	return defaultDisk
}

func memoryOf(s sandbox.Spec) int64 {
	memory := s.Memory
	if memory <= 0 {
		memory = defaultMemory
	}
	// What is written lives in memory too: a limit that it could reach would end the sandbox instead of the writer.
	return max(memory, 2*(diskOf(s)+tmpSize))
}

// spec is the OCI configuration of an environment.
func (p *Provider) spec(s sandbox.Spec) *specs.Spec {
	hostname := s.Hostname
	if hostname == "" {
		hostname = "lab"
	}
	capabilities := []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_NET_BIND_SERVICE", "CAP_SYS_RESOURCE"}
	if s.Sudo {
		capabilities = append(capabilities, "CAP_SYS_CHROOT", "CAP_SETPCAP", "CAP_AUDIT_WRITE", "CAP_SYS_NICE", "CAP_SYS_PTRACE")
	}
	config := &specs.Spec{
		Version:  specs.Version,
		Hostname: hostname,
		Root:     &specs.Root{Path: p.rootfs()},
		Mounts:   p.mounts(s),
		Process: &specs.Process{
			Args: []string{agentPath, "-socket", socketPath + "/" + agent.SocketName, "-deadline", strconv.FormatInt(s.Deadline.Unix(), 10),
				"-space", strconv.FormatInt(memoryOf(s), 10)},
			Cwd: "/", Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NoNewPrivileges: !s.Sudo,
			Capabilities: &specs.LinuxCapabilities{Bounding: capabilities, Effective: capabilities, Permitted: capabilities},
			Rlimits:      rlimits(),
		},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
			{Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace}, {Type: specs.MountNamespace},
		}},
	}
	return config
}

func (p *Provider) mounts(s sandbox.Spec) []specs.Mount {
	usr := []string{"rbind", "ro", "nosuid", "nodev"}
	if s.Sudo {
		usr = []string{"rbind", "ro", "nodev"}
	}
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs"},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts"},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "size=16m"}},
		{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", fmt.Sprintf("size=%d", tmpSize)}},
		{Destination: "/usr", Type: "bind", Source: "/usr", Options: usr},
		// What the host's owner installed by hand is no part of a lab.
		{Destination: "/usr/local", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=755", "size=1m"}},
		{Destination: socketPath, Type: "bind", Source: p.sockets(s.ID), Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"}},
	}
}

func rlimits() []specs.POSIXRlimit {
	return []specs.POSIXRlimit{
		{Type: "RLIMIT_NPROC", Hard: maxProcesses, Soft: maxProcesses},
		{Type: "RLIMIT_NOFILE", Hard: maxOpenFiles, Soft: maxOpenFiles},
		{Type: "RLIMIT_CORE"},
	}
}
