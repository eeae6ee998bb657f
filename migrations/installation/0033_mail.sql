-- +goose Up
-- Mail that the program sends. A message is queued in the transaction of what it is about; a job delivers it, or an
-- operator reads it here where no mail server is configured.

create table control.mail_message (
  id uuid primary key,
  tenant_id uuid references control.tenant (id), -- whose people it is for; null: the installation's own
  recipient text not null check (length(recipient) between 3 and 254 and recipient !~ '[[:cntrl:][:space:]]'),
  subject text not null check (length(subject) between 1 and 200 and subject !~ '[[:cntrl:]]'),
  text text not null check (length(text) <= 65536), -- '' once deleted
  html text not null check (length(html) <= 262144),
  kind text not null check (kind ~ '^[a-z][a-z.-]{0,63}$'), -- what it is about, for lists
  keep boolean not null, -- holds nothing that lets anybody in: operators may read it after it was delivered
  state text not null check (state in ('queued', 'sent', 'failed', 'bounced')),
  attempts int not null default 0,
  last_error text not null default '' check (length(last_error) <= 500),
  created_at timestamptz not null default now(),
  queued_at timestamptz not null default now(), -- later than created_at when an operator tried again
  sent_at timestamptz
);
create index mail_message_by_state on control.mail_message (state, id);
create index mail_message_by_tenant on control.mail_message (tenant_id) where tenant_id is not null;

grant select, insert, delete on control.mail_message to cloudkida_control;
grant update (text, html, state, attempts, last_error, queued_at, sent_at) on control.mail_message to cloudkida_control;

-- Identity queues mail to people but reads none. Of the jobs it adds and sees those that deliver mail, which hold ids.
grant insert on control.mail_message to cloudkida_identity;
grant usage on schema river to cloudkida_identity;
grant usage on sequence river.river_job_id_seq to cloudkida_identity;
grant select, insert, update (kind) on river.river_job to cloudkida_identity;
create policy mail on river.river_job to cloudkida_identity
  using (tenant_id is null and kind = 'mail.send') with check (tenant_id is null and kind = 'mail.send');
