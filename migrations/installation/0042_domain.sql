-- +goose Up
-- E-mail domains of tenants, proved by a TXT record: the directory sends people with such an address to that tenant.

create table control.email_domain (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references control.tenant (id) on delete cascade,
  domain text collate "C" not null check (domain ~ '^[a-z0-9.-]{4,253}$'), -- in ASCII, as DNS has it
  token text not null, -- what the record must say: public once it is there
  state text not null default 'pending' check (state in ('pending', 'proved', 'failing', 'lost')),
  problem text not null default '' check (length(problem) <= 500), -- of the last check
  created_at timestamptz not null,
  checked_at timestamptz,
  proved_at timestamptz, -- since then, while proved or failing
  failing_since timestamptz,
  next_check_at timestamptz not null,
  unique (tenant_id, domain),
  check ((state in ('proved', 'failing')) = (proved_at is not null)),
  check ((state = 'failing') = (failing_since is not null))
);
-- Whoever proves a domain first has it, until the proof is lost. Any number of tenants may want it.
create unique index email_domain_proved on control.email_domain (domain) where state in ('proved', 'failing');
create index email_domain_due on control.email_domain (next_check_at) where state in ('proved', 'failing');
grant select, insert, update, delete on control.email_domain to cloudkida_control;
