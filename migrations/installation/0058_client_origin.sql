-- +goose Up
-- Web origins of the programs that organisations have registered: pages there may call the API and the OpenID endpoints
-- from a browser (CORS). They come from the redirect addresses, so that nobody has to enter them a second time.
create function identity.origins(addresses text[]) returns text[] language sql immutable parallel safe
return (select array_agg(distinct lower(substring(address from '^(https?://[^/?#@]+)(?:[/?#]|$)')))
  filter (where address ~ '^https?://[^/?#@]+([/?#]|$)') from unnest(addresses) address);
alter table identity.client add column origins text[] generated always as (identity.origins(redirect_uris)) stored;
create index client_origins on identity.client using gin (origins) where tenant_id is not null;
grant execute on function identity.origins(text[]) to cloudkida_identity;
