-- +goose Up
-- Groups of people, nested once: a group in another one has none below it.

create table "group" (
  tenant_id uuid not null default app.tenant_id(),
  id uuid not null default uuidv7(),
  name text not null check (length(name) between 1 and 100),
  name_key text not null, -- as names are compared: folded by the program, whatever the locale
  note text not null default '' check (length(note) <= 500),
  -- A group below another one points at a group that is not nested, and says that it is nested itself. So no row can
  -- point at it, and it cannot become nested while one does.
  parent_id uuid,
  nested boolean not null default false check (nested = (parent_id is not null)),
  parent_nested boolean not null default false check (not parent_nested),
  max_sessions int check (max_sessions between 1 and 1000), -- labs that each member may run at once; null: the plan's alone
  version bigint not null default 1, -- grows with every change
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, name_key),
  unique (tenant_id, id, nested),
  foreign key (tenant_id, parent_id, parent_nested) references "group" (tenant_id, id, nested)
);
create index group_by_parent on "group" (tenant_id, parent_id);
select app.protect_tenant_table('"group"');

create table group_member (
  tenant_id uuid not null default app.tenant_id(),
  group_id uuid not null,
  user_id uuid not null,
  added_at timestamptz not null default now(),
  primary key (tenant_id, group_id, user_id),
  foreign key (tenant_id, group_id) references "group" (tenant_id, id) on delete cascade
);
create index group_member_user on group_member (tenant_id, user_id, group_id);
select app.protect_tenant_table('group_member');

-- A lab with rows here is for the members of these groups, and of those below them; one without is for everybody.
create table group_lab (
  tenant_id uuid not null default app.tenant_id(),
  group_id uuid not null,
  lab_id uuid not null,
  added_at timestamptz not null default now(),
  primary key (tenant_id, group_id, lab_id),
  foreign key (tenant_id, group_id) references "group" (tenant_id, id) on delete cascade,
  foreign key (tenant_id, lab_id) references lab (tenant_id, id)
);
create index group_lab_lab on group_lab (tenant_id, lab_id, group_id);
select app.protect_tenant_table('group_lab');
