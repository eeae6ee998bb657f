import type { components, paths } from './schema.gen'

/**
 * What the API answers, by the address that answers it. The description lets every list be null, as Go's are; the
 * server sends empty ones.
 */
export type Filled<T> = T extends readonly (infer E)[]
  ? Filled<E>[]
  : T extends object
    ? { [K in keyof T]: Extract<T[K], readonly unknown[]> extends never ? Filled<T[K]> : Filled<Exclude<T[K], null>> }
    : T

type Reading = { [P in keyof paths]: paths[P] extends { get: { responses: { 200: { content: { 'application/json': unknown } } } } } ? P : never }[keyof paths]

type Answer<P extends Reading> = paths[P] extends {
  get: { responses: { 200: { content: { 'application/json': infer T } } } }
}
  ? Filled<T>
  : never

/** What a list can be sorted by; with - before it the other way round. */
export type SortOf<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: { sort?: infer S } } } } ? Exclude<S, undefined> : never

export type Config = Answer<'/v1/directory'>
export type Me = Answer<'/v1/me'>
export type Usage = Answer<'/v1/tenant/usage'>
export type PoolPage = Answer<'/v1/operator/pools'>
export type ListedPool = PoolPage['items'][number]
export type OwnPool = Answer<'/v1/sign-in-settings/pool'>
export type PoolKeys = Answer<'/v1/sign-in-settings/keys'>
export type PoolPeople = Answer<'/v1/sign-in-settings/people'>
export type Consent = Answer<'/v1/me/consents'>['items'][number]
export type PoolKey = Answer<'/v1/sign-in-settings/keys'>['items'][number]
export type Policy = Answer<'/v1/policies'>['items'][number]
export type Factor = Answer<'/v1/me/factors'>['items'][number]
export type Device = Answer<'/v1/me/sessions'>['items'][number]
export type LabList = Answer<'/v1/labs'>
export type LabSummary = LabList['items'][number]
export type TagCount = LabList['tags'][number]
export type Lab = Answer<'/v1/labs/{slug}'>
export type Session = Answer<'/v1/sessions/{id}'>
export type SessionState = Session['state']
export type SessionStep = Session['steps'][number]
export type Check = Session['checks'][number]
export type ProvisioningStep = Session['provisioning'][number]
export type Port = Session['ports'][number]
export type SessionSummary = Answer<'/v1/sessions'>['items'][number]
export type Guide = Answer<'/v1/sessions/{id}/guide'>
export type GuideStep = Guide['steps'][number]
export type Question = NonNullable<GuideStep['quiz']>[number]
export type Environment = Answer<'/v1/operator/environments'>['items'][number]
export type User = Answer<'/v1/operator/users'>['items'][number]
export type Tenant = Answer<'/v1/operator/tenants'>['items'][number]
export type Workflow = Answer<'/v1/operator/workflows/{id}'>
export type WorkflowStep = Workflow['steps'][number]
export type Silo = Answer<'/v1/operator/upgrades'>['items'][number]
export type MailMessage = Answer<'/v1/operator/mail'>['items'][number]
export type MailTemplates = Answer<'/v1/mail/templates'>
export type MailTemplate = Answer<'/v1/mail/templates/{kind}/{locale}'>
export type OwnMail = Answer<'/v1/mail'>['items'][number]
export type Tier = Answer<'/v1/tiers'>['items'][number]
export type Registration = Answer<'/v1/registrations/{id}'>
export type Plan = Answer<'/v1/tenant/plan'>
export type Member = Answer<'/v1/members'>['items'][number]
export type Invitation = Answer<'/v1/invitations'>['items'][number]
export type Group = Answer<'/v1/groups'>['items'][number]
export type InvitationOffer = Filled<components['schemas']['InvitationOffer']>
export type InvitationReport = Filled<components['schemas']['InvitationReport']>
export type AuditSeals = Answer<'/v1/tenant/audit/seals'>
export type AuditReport = Filled<components['schemas']['ChainReport']>
export type AuditEntry = Answer<'/v1/tenant/audit'>['items'][number]
export type OwnBrand = Answer<'/v1/tenant/brand'>
export type DomainList = Answer<'/v1/tenant/domains'>
export type Domain = DomainList['items'][number]
export type TenantLimit = Answer<'/v1/operator/tenants/{id}/limits'>['items'][number]
export type IdentityProvider = Answer<'/v1/identity-providers'>['items'][number]
export type ProviderStep = IdentityProvider['lastTest'][number]
export type ApiKeyList = Answer<'/v1/api-keys'>
export type ApiKey = ApiKeyList['items'][number]
export type MachineClient = Answer<'/v1/machine-clients'>['items'][number]
export type Program = Answer<'/v1/oauth-clients'>['items'][number]
export type Export = Answer<'/v1/tenant/exports'>['items'][number]

/** The signed end of an account. */
export type Proof = Filled<paths['/v1/me/erasure']['post']['responses'][200]['content']['application/json']>

/** The body of every error. */
export type Problem = Filled<components['schemas']['Problem']>
