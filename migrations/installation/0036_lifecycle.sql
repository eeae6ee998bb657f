-- +goose Up
-- What operators did, and what is left of a tenant that is gone.

create table control.audit_entry (
  id uuid primary key default uuidv7(),
  at timestamptz not null default now(),
  actor uuid, -- the operator; null: the program itself
  action text not null,
  tenant_id uuid, -- which it was about
  reason text not null default '',
  detail jsonb not null default '{}',
  request text not null default ''
);
create index audit_entry_tenant on control.audit_entry (tenant_id, id);
grant select, insert on control.audit_entry to cloudkida_control;

-- The proof that a tenant's data is deleted: a signed document with counts before and after.
create table control.purge_proof (
  tenant_id uuid primary key references control.tenant (id),
  document text not null, -- JSON, exactly as it was signed
  signature bytea not null,
  key_id text not null,
  created_at timestamptz not null default now()
);
grant select, insert on control.purge_proof to cloudkida_control;

-- An operator who entered a tenant, with the reason that its audit log shows; until then its content may be read.
create table control.operator_entry (
  operator uuid not null,
  tenant_id uuid not null references control.tenant (id),
  reason text not null check (length(reason) between 5 and 500),
  entered_at timestamptz not null default now(),
  until timestamptz not null,
  primary key (tenant_id, operator, entered_at)
);
grant select, insert on control.operator_entry to cloudkida_control;

grant update (status, status_reason, tier, purge_after, updated_at) on control.tenant to cloudkida_control;
create index tenant_by_title on control.tenant (lower(title) text_pattern_ops, id);
