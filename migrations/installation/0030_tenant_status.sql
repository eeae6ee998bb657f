-- +goose Up
-- The stations of a tenant's life. A purged tenant's row stays: its id and name are never given again.

alter table control.tenant drop constraint tenant_status_check;
alter table control.tenant add constraint tenant_status_check
  check (status in ('provisioning', 'active', 'suspended', 'offboarding', 'purged'));
alter table control.tenant
  add column status_reason text not null default '' check (length(status_reason) <= 500), -- what its people are told
  add column purge_after timestamptz, -- when an off-boarded tenant's data is deleted
  add column updated_at timestamptz not null default now();
create index tenant_by_status on control.tenant (status, id);
