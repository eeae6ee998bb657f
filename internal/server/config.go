// Package server puts the program together: it is the only package that knows every feature. Config is what an
// operator sets, Run is the life of the process.
package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/identity/consent"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/valkey"
)

// Config is what `cloudkida serve` takes, as flags or environment variables.
type Config struct {
	Data         string        `help:"Directory for everything that the program keeps: database, master key, sandboxes." default:"${data}" env:"CLOUDKIDA_DATA" placeholder:"DIR"`
	Listen       string        `help:"Address of the console and the API." default:"127.0.0.1:8080" env:"CLOUDKIDA_LISTEN" placeholder:"ADDR"`
	OpsListen    string        `help:"Address of metrics and health for operators; keep it private. Empty: none." default:"127.0.0.1:9090" env:"CLOUDKIDA_OPS_LISTEN" placeholder:"ADDR"`
	PublicURL    string        `help:"How browsers reach --listen, such as https://labs.example.com. Default: http://localhost with the port of --listen." env:"CLOUDKIDA_PUBLIC_URL" placeholder:"URL"`
	LabsDomain   string        `help:"Domain under which web ports of labs are served, each on an origin of its own; a registrable domain other than the console's. Default: labs. before the host of --public-url." env:"CLOUDKIDA_LABS_DOMAIN" placeholder:"HOST[:PORT]"`
	DatabaseURL  string        `help:"PostgreSQL 18 or newer to use in place of the embedded one, as a role that has CREATEROLE and owns the database (postgres://user:password@host/database)." env:"CLOUDKIDA_DATABASE_URL" placeholder:"URL"`
	DNSServer    string        `name:"dns-server" help:"DNS server that is asked for the records which prove organisations' e-mail domains. Default: the machine's own." env:"CLOUDKIDA_DNS_SERVER" placeholder:"HOST:PORT"`
	Roles        []string      `help:"What this process does: api (console and API), worker (background jobs), lab (sandboxes on this host; together with api)." default:"api,worker,lab" env:"CLOUDKIDA_ROLES" placeholder:"ROLE,..."`
	Host         string        `help:"Name of this host; jobs of its sandboxes come to it alone. Default: the machine's host name." env:"CLOUDKIDA_HOST" placeholder:"NAME"`
	Capacity     int           `help:"How many sandboxes may run here at once. Default: what the machine's memory allows." env:"CLOUDKIDA_CAPACITY" placeholder:"N"`
	MaxIdle      time.Duration `help:"End sessions in which nothing happens for so long, whatever their lab says. Default: as the lab says." env:"CLOUDKIDA_MAX_IDLE" placeholder:"TIME"`
	Runsc        string        `help:"The gVisor runtime. Default: runsc beside the program, then on PATH." env:"CLOUDKIDA_RUNSC" placeholder:"FILE"`
	Postgres     string        `help:"PostgreSQL 18 programs for the embedded database. Default: postgres/ beside the program, then /usr/lib/postgresql/18." env:"CLOUDKIDA_POSTGRES" placeholder:"DIR"`
	MasterKey    string        `help:"Base64 of the 32 bytes that seal every secret. Default: master.key in the data directory, made at the first start." env:"CLOUDKIDA_MASTER_KEY" placeholder:"KEY"`
	SMTPURL      string        `name:"smtp-url" help:"Mail server, smtp(s)://USER:PASSWORD@HOST:PORT; give it by the variable, so that no list of processes shows the password. STARTTLS is required but on this machine. Default: none; operators read mail in the console." env:"CLOUDKIDA_SMTP_URL" placeholder:"URL"`
	MailFrom     string        `help:"Who mail is from, with --smtp-url, such as \"Example Labs <no-reply@example.com>\"." env:"CLOUDKIDA_MAIL_FROM" placeholder:"ADDRESS"`
	TermsURL     string        `help:"Terms of use that people agree to when they make an account; what they agreed to is kept. Default: none." env:"CLOUDKIDA_TERMS_URL" placeholder:"URL"`
	PrivacyURL   string        `help:"Privacy notice, like --terms-url." env:"CLOUDKIDA_PRIVACY_URL" placeholder:"URL"`
	TermsVer     string        `name:"terms-version" help:"Version of both documents, such as 2026-03." default:"1" env:"CLOUDKIDA_TERMS_VERSION" placeholder:"TEXT"`
	AllowPrivate bool          `name:"allow-private-outbound" help:"Let addresses that organisations enter, such as of their identity providers, be in private networks and on this machine. For installations whose organisations are trusted." env:"CLOUDKIDA_ALLOW_PRIVATE_OUTBOUND"`
	RedisURL     string        `name:"redis-url" help:"Redis or Valkey server in which several processes count requests together, redis(s)://[USER:PASSWORD@]HOST[:PORT][/DATABASE]; give it by the variable, so that no list of processes shows the password. Default: each process counts by itself." env:"CLOUDKIDA_REDIS_URL" placeholder:"URL"`
	AddressRate  int64         `help:"How many requests a second one network address may make to the API without being signed in. 0: any number, such as behind a proxy on another machine, which is one address for everybody." default:"100" env:"CLOUDKIDA_ADDRESS_RATE" placeholder:"N"`
	Locale       string        `help:"Language of letters and sign-in pages for whom no language is known, such as hi; organisations choose their own. Default: en." default:"en" env:"CLOUDKIDA_LOCALE" placeholder:"TAG"`
