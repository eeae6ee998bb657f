-- +goose Up
-- Audit entries say what was before and after, from where, and by what kind of actor; and the seals that chain them.

alter table audit_entry
  add column kind text not null default 'program' check (kind in ('person', 'machine', 'key', 'operator', 'program')),
  add column before jsonb, -- only what has changed
  add column after jsonb,
  add column address text not null default ''; -- of the network that the request came from
update audit_entry set kind = 'person' where actor is not null;

create index audit_entry_action on audit_entry (tenant_id, action text_pattern_ops, id);
create index audit_entry_actor on audit_entry (tenant_id, actor, id);
create index audit_entry_target on audit_entry (tenant_id, target, id);
create index audit_entry_request on audit_entry (tenant_id, request, id) where request <> '';
create index audit_entry_address on audit_entry (tenant_id, address, id) where address <> '';

-- A seal is a signed document with the hashes of some entries and of the seal before it: docs/audit.md describes it. The role
-- of the tenant's data reads it, the sealer (role worker) adds to it, and nobody changes one.
create table audit_seal (
  tenant_id uuid not null default app.tenant_id(),
  seq bigint not null check (seq > 0),
  document text not null,
  signature bytea not null,
  key_id text not null,
  entries int not null check (entries > 0), -- how many it has, as the document says
  newest timestamptz not null, -- of their times, as the document says
  sealed_at timestamptz not null,
  primary key (tenant_id, seq)
);
select app.protect_tenant_table('audit_seal', 'select');

-- Where a chain begins whose first entries have been deleted because they were old: a signed document as well.
create table audit_checkpoint (
  tenant_id uuid not null default app.tenant_id(),
  seq bigint not null check (seq > 0), -- of the last seal that was deleted
  document text not null,
  signature bytea not null,
  key_id text not null,
  primary key (tenant_id, seq)
);
select app.protect_tenant_table('audit_checkpoint', 'select');

-- The worker seals, within a tenant's scope as everybody, and deletes what is past its time: never of the last day.
-- +goose StatementBegin
do $$
declare
  name text;
  own text := 'tenant_id = (select s.tenant_id from app.scope s)';
begin
  execute format('grant usage on schema %I to cloudkida_worker', current_schema());
  foreach name in array array['audit_entry', 'audit_seal', 'audit_checkpoint'] loop
    execute format('create policy seal_read on %I for select to cloudkida_worker using (%s)', name, own);
  end loop;
  foreach name in array array['audit_seal', 'audit_checkpoint'] loop
    execute format('create policy seal_add on %I for insert to cloudkida_worker with check (%s)', name, own);
  end loop;
  execute format('create policy retain on audit_entry for delete to cloudkida_worker using (%s and at < now() - interval ''1 day'')', own);
  execute format('create policy retain on audit_seal for delete to cloudkida_worker using (%s and newest < now() - interval ''1 day'')', own);
  execute format('create policy retain on audit_checkpoint for delete to cloudkida_worker using (%s)', own);
  execute 'grant select, delete on audit_entry to cloudkida_worker';
  execute 'grant select, insert, delete on audit_seal, audit_checkpoint to cloudkida_worker';
  -- Rows that a move copies as the owner are sealed already, and rows that the owner makes up are not: neither is queued.
  execute format('create trigger queue after insert on audit_entry referencing new table as added for each statement'
    ' when (current_user = %L) execute function app.queue_audit()', coalesce(nullif(current_setting('app.tenant_role', true), ''), 'cloudkida_app'));
end
$$;
-- +goose StatementEnd

insert into app.audit_unsealed (tenant_id, id) select tenant_id, id from audit_entry on conflict do nothing;
