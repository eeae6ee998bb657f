-- +goose Up
-- Archives of tenants' data that were asked for. The archives themselves are files of the host that made them.

create table control.tenant_export (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references control.tenant (id),
  workflow_id uuid,
  state text not null default 'pending' check (state in ('pending', 'ready', 'failed')),
  error text not null default '',
  requested_by uuid not null,
  operator boolean not null default false, -- an operator asked for it, with a reason
  reason text not null default '' check (length(reason) <= 500),
  host text not null default '', -- where the file is
  rows bigint not null default 0,
  bytes bigint not null default 0,
  manifest bytea check (length(manifest) = 32), -- SHA-256 of manifest.json
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  expires_at timestamptz, -- the file is deleted then
  check (not operator or reason <> ''),
  check ((state = 'ready') = (manifest is not null))
);
create index tenant_export_tenant on control.tenant_export (tenant_id, id);
create index tenant_export_expiry on control.tenant_export (host, expires_at);
grant select, insert, update, delete on control.tenant_export to cloudkida_control;
