-- +goose Up
-- The catalogue. A lab's row shows its latest version; a version never changes once it is published.

create table lab (
  tenant_id uuid not null default app.tenant_id(),
  id uuid not null default uuidv7(),
  slug text not null check (length(slug) between 2 and 63),
  version int not null default 0, -- number of the latest version; 0 only within the transaction that publishes the first
  title text not null default '',
  summary text not null default '',
  level text not null default 'beginner' check (level in ('beginner', 'intermediate', 'advanced')),
  tags text[] not null default '{}',
  overview jsonb not null default '{}', -- what else the catalogue shows
  search tsvector not null default '',
  created_at timestamptz not null default now(),
  archived_at timestamptz, -- not in the catalogue any more; its sessions go on
  primary key (tenant_id, id),
  unique (tenant_id, slug)
);
create index lab_by_title on lab (tenant_id, title, id) where archived_at is null;
create index lab_search on lab using gin (search);
create index lab_tags on lab using gin (tags);
select app.protect_tenant_table('lab', 'select, insert, update');

create table lab_version (
  tenant_id uuid not null default app.tenant_id(),
  id uuid not null default uuidv7(),
  lab_id uuid not null,
  number int not null check (number > 0),
  hash bytea not null check (length(hash) = 32), -- of the files, however they were packed
  archive bytea not null check (length(archive) <= 17 * 1024 * 1024), -- tar.gz of the lab's directory
  published_at timestamptz not null default now(),
  published_by uuid, -- null: it came with the program
  primary key (tenant_id, id),
  unique (tenant_id, lab_id, number),
  foreign key (tenant_id, lab_id) references lab (tenant_id, id)
);
alter table lab_version alter column archive set storage external; -- compressed already
select app.protect_tenant_table('lab_version', 'select, insert');
