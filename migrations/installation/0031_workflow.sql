-- +goose Up
-- Long changes as workflows: steps that can be cut anywhere and go on, seen by whoever waits for them. No tenant's content
-- is in them: inputs are ids, names and numbers.

create table control.workflow (
  id uuid primary key default uuidv7(),
  kind text not null,
  key text not null default '', -- starting again with the same key finds the same workflow
  tenant_id uuid, -- which the workflow changes; it may not be there yet, or not any more
  actor uuid, -- who started it
  input jsonb not null,
  kept jsonb not null default '{}', -- what steps keep for later ones
  state text not null default 'running' check (state in ('running', 'waiting', 'undoing', 'stuck', 'succeeded', 'undone', 'cancelled')),
  cancel boolean not null default false,
  back boolean not null default false, -- it is being taken back, or was when it got stuck
  error text not null default '',
  not_before timestamptz not null default now(), -- a waiting workflow goes on then
  version bigint not null default 1, -- grows with every change that people see
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  ended_at timestamptz,
  check ((ended_at is not null) = (state in ('succeeded', 'undone', 'cancelled')))
);
create unique index workflow_key on control.workflow (kind, key) where key <> '';
create unique index workflow_one_per_tenant on control.workflow (tenant_id) where ended_at is null;
create index workflow_open on control.workflow (not_before) where ended_at is null;
create index workflow_tenant on control.workflow (tenant_id, id);

create table control.workflow_step (
  workflow_id uuid not null references control.workflow (id) on delete cascade,
  position int not null,
  name text not null,
  title text not null,
  state text not null default 'pending' check (state in ('pending', 'running', 'waiting', 'done', 'failed', 'undone')),
  attempt int not null default 0,
  started_at timestamptz,
  ended_at timestamptz,
  done bigint not null default 0,
  total bigint not null default 0,
  note text not null default '',
  error text not null default '',
  primary key (workflow_id, position)
);
grant select, insert, update on control.workflow, control.workflow_step to cloudkida_control;
