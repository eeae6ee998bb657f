-- +goose Up
-- What the tenant's own policies say, in Cedar, and everything that they said before.

create table policy (
  tenant_id uuid not null default app.tenant_id(),
  id uuid not null default uuidv7(),
  title text not null check (length(title) between 1 and 100),
  text text not null check (octet_length(text) <= 8192),
  enabled boolean not null,
  version int not null default 1, -- grows with every change
  changed_by uuid default app.user_id(), -- null: the program itself
  changed_at timestamptz not null default now(),
  primary key (tenant_id, id)
);
select app.protect_tenant_table('policy');

create table policy_version (
  tenant_id uuid not null default app.tenant_id(),
  policy_id uuid not null,
  number int not null,
  title text not null,
  text text not null,
  enabled boolean not null,
  changed_by uuid default app.user_id(),
  changed_at timestamptz not null default now(),
  primary key (tenant_id, policy_id, number),
  foreign key (tenant_id, policy_id) references policy (tenant_id, id) on delete cascade
);
select app.protect_tenant_table('policy_version');
