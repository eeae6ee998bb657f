-- +goose Up
-- River's jobs under the rule of tenant data. The schema river and its tables are made by River's own migrations,
-- which run before these.

alter table river.river_job add column tenant_id uuid default app.tenant_id();
create index river_job_tenant on river.river_job (tenant_id) where tenant_id is not null;
alter table river.river_job enable row level security;
alter table river.river_job force row level security;

-- Workers see every job and take its tenant from the column, never from its arguments.
create policy worker on river.river_job to cloudkida_worker using (true) with check (true);
create policy migrator on river.river_job to cloudkida_owner using (true) with check (true);
create policy tenant on river.river_job to cloudkida_app
  using (tenant_id = (select app.tenant_id())) with check (tenant_id = (select app.tenant_id()));
create policy installation on river.river_job to cloudkida_control
  using (tenant_id is null) with check (tenant_id is null);

grant usage on schema river to cloudkida_worker, cloudkida_app, cloudkida_control;
grant select, insert, update, delete on all tables in schema river to cloudkida_worker;
grant usage on all sequences in schema river to cloudkida_worker, cloudkida_app, cloudkida_control;
-- The insert of a unique job ends in "on conflict do update set kind": hence the one column.
grant select, insert, update (kind) on river.river_job to cloudkida_app, cloudkida_control;
