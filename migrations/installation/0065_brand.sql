-- +goose Up
-- What people see of an organisation on its pages and in its mail. The row without a tenant is the provider's own: what an
-- organisation leaves empty is taken from there.

create table control.brand (
  tenant_id uuid unique nulls not distinct references control.tenant (id) on delete cascade,
  title text not null default '' check (length(title) <= 60), -- empty: the organisation's own title
  primary_colour text check (primary_colour ~ '^#[0-9a-f]{6}$'),
  accent_colour text check (accent_colour ~ '^#[0-9a-f]{6}$'),
  support text not null default '' check (length(support) <= 300), -- an e-mail address or an https address
  terms text not null default '' check (length(terms) <= 300),
  privacy text not null default '' check (length(privacy) <= 300),
  logo jsonb not null default '{}' check (jsonb_typeof(logo) = 'object'), -- hash, size and plate; empty: none
  icon jsonb not null default '{}' check (jsonb_typeof(icon) = 'object'),
  updated_at timestamptz not null default now()
);

-- Pictures under the hash of their content, which anybody may fetch who knows it.
create table control.brand_picture (
  tenant_id uuid references control.tenant (id) on delete cascade,
  hash text collate "C" not null check (hash ~ '^[0-9a-f]{64}$'),
  content bytea not null check (length(content) between 1 and 1048576), -- PNG that we have drawn ourselves
  unique nulls not distinct (tenant_id, hash)
);
create index brand_picture_hash on control.brand_picture (hash);

grant select, insert, update, delete on control.brand, control.brand_picture to cloudkida_control;

update control.tier set features = features || '{branding}'::text[], version = version + 1, updated_at = now()
  where name in ('standard', 'premium', 'platinum') and not 'branding' = any (features);
