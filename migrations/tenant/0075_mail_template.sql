-- +goose Up
-- What an organisation says itself in letters, with everything that it said before. The highest number holds; an empty part
-- is the program's own.

create table mail_template (
  tenant_id uuid not null default app.tenant_id(),
  kind text not null check (kind ~ '^[a-z][a-z.-]{0,63}$'),
  locale text not null check (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and length(locale) <= 35),
  number int not null check (number > 0),
  subject text not null check (length(subject) <= 200),
  text text not null check (octet_length(text) <= 20480),
  html text not null check (octet_length(html) <= 61440),
  changed_by uuid default app.user_id(), -- null: the program itself
  changed_at timestamptz not null default now(),
  primary key (tenant_id, kind, locale, number)
);
select app.protect_tenant_table('mail_template');
