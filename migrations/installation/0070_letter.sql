-- +goose Up
-- Letters know what they are about and in which language they are; organisations have a language of their own.

alter table control.mail_message
  add column about uuid, -- such as an invitation; null: nothing that has an id
  add column locale text not null default '' check (length(locale) <= 35);
create index mail_message_by_about on control.mail_message (about, id) where about is not null;
create index mail_message_of_tenant on control.mail_message (tenant_id, id) where tenant_id is not null;
drop index control.mail_message_by_tenant; -- the new one has all of it

-- For readers of whom no language is known; null: the installation's.
alter table control.tenant add column locale text check (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' and length(locale) <= 35);
grant update (locale) on control.tenant to cloudkida_control;
grant select (locale) on control.tenant to cloudkida_identity;

-- What the browser said when the organisation was registered.
alter table control.registration add column locale text not null default '' check (length(locale) <= 200);
