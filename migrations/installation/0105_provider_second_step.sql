-- +goose Up
-- Whether an identity provider asks for the second step itself. Where it does not, a user pool that requires one asks for its own after
-- the provider has spoken: the step remembers who vouched, and when, so that the session is the provider's afterwards.

alter table identity.federation_provider add column second_step boolean not null default true;
alter table identity.challenge
  add column provider_id uuid references identity.federation_provider (id) on delete cascade,
  add column vouched_at timestamptz;
create index challenge_provider on identity.challenge (provider_id) where provider_id is not null;
