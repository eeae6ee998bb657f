-- +goose Up
-- One learner's run of one lab version.

create table session (
  tenant_id uuid not null default app.tenant_id(),
  id uuid not null,
  user_id uuid not null,
  lab_id uuid not null,
  version_id uuid not null,
  environment_id uuid not null,
  host text not null,
  state text not null check (state in ('requested', 'admitted', 'provisioning', 'ready', 'ending', 'ended', 'failed')),
  reason_code text not null default '',
  reason_message text not null default '',
  provisioning jsonb not null default '[]',
  env jsonb not null default '{}', -- what the setup wrote for the instructions
  created_at timestamptz not null default now(),
  ready_at timestamptz,
  deadline timestamptz,
  ended_at timestamptz,
  extensions int not null default 0,
  step int not null default 0, -- the first step that is not done; the number of steps when all are
  step_since timestamptz not null default now(),
  hints jsonb not null default '{}', -- step index to the hints that were revealed
  primary key (tenant_id, id),
  foreign key (tenant_id, lab_id) references lab (tenant_id, id),
  foreign key (tenant_id, version_id) references lab_version (tenant_id, id)
);
-- One running session per learner and lab: starting again returns to it.
create unique index session_running on session (tenant_id, user_id, lab_id)
  where state in ('requested', 'admitted', 'provisioning', 'ready');
create index session_by_user on session (tenant_id, user_id, id);
create index session_active on session (tenant_id, id) where state not in ('ended', 'failed');
select app.protect_tenant_table('session');
