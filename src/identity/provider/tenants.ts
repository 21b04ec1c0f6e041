import { decodeJwt, type JWTPayload } from 'jose';
import type { Configuration } from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { bodyOf } from './endpoint-answers.ts';
import type { ProviderFetch } from './http.ts';

/**
 * Providers with an issuer for each tenant: which one an ID token has to name is known from the token itself,
 * so it counts only where the tenant is one that the configuration lets in, and the keys are the provider's own.
 */

const tenantForm = /^[\w-]{1,64}$/;

/** Where the metadata that all tenants share is found (OpenID Connect Discovery 1.0 §4.1). */
export function discoveryUrl(issuer: string): URL {
  return new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
}

/** Whether the issuer of shared metadata is the template, whatever it calls the tenant. */
export function isIssuerOfTenants(issuer: string, template: string): boolean {
  const anonymous = (text: string) => text.replace(/\{\w+\}/, '{}');
  return anonymous(issuer) === anonymous(template);
}

export type TenantSettings = Pick<ProviderConfig, 'issuerTemplate' | 'tenants' | 'insecureAnyTenant'>;

/**
 * The issuer that an ID token with these claims must name. Throws GatewayError for a tenant that is not let in.
 * @param stated the issuer of the metadata
 * @param claims not known to be true yet
 */
export function expectedIssuer(
  { issuerTemplate, tenants, insecureAnyTenant }: TenantSettings,
  stated: string,
  claims: Readonly<JWTPayload> | undefined,
): string {
  if (issuerTemplate === undefined) return stated;
  const name = /\{(\w+)\}/.exec(issuerTemplate)?.[1] ?? '';
  const tenant = claims && Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (typeof tenant !== 'string' || !tenantForm.test(tenant)) {
    throw new GatewayError('login_token_invalid', { cause: new Error(`the ID token has no ${name}`) });
  }
  if (!insecureAnyTenant && !tenants?.includes(tenant)) {
    throw new GatewayError('login_not_admitted', { cause: new Error(`tenant ${tenant} is not let in`) });
  }
  return issuerTemplate.replace(`{${name}}`, tenant);
}

/** Ends the asking: the answer is in hand, and is checked as that of its issuer. */
class AnswerInHand extends Error {}

/** How the token endpoint is asked, where each tenant has an issuer of its own. */
export interface TokenEndpointNeeds {
  config: TenantSettings & Pick<ProviderConfig, 'issuer'>;
  /** What sends the request. */
  fetch: ProviderFetch;
  /** The client to ask with; for answers of another issuer than that of the metadata, or for what another one sends. */
  clientOf(of?: { issuer: string; fetch: ProviderFetch }): Configuration;
}

/**
 * Asks the token endpoint, by a function that takes the client to ask with. Where each tenant has an issuer of
 * its own, the answer is fetched first, and the library then checks that very answer with the issuer that it has
 * to have.
 * @param statedIssuer the `iss` of the authorization response, which has to be that issuer too (RFC 9207 §2.4)
 */
export async function askTokenEndpoint<T>(
  { config, fetch, clientOf }: TokenEndpointNeeds,
  ask: (client: Configuration) => Promise<T>,
  statedIssuer?: string | null,
): Promise<T> {
  const { issuer: shared, issuerTemplate } = config;
  if (issuerTemplate === undefined) return ask(clientOf());
  const isStated = typeof statedIssuer === 'string' && fits(statedIssuer, issuerTemplate);
  let answer: Response | undefined;
  const hold: ProviderFetch = async (url, options) => {
    answer = await fetch(url, options);
    throw new AnswerInHand();
  };
  try {
    return await ask(clientOf({ issuer: isStated ? statedIssuer : shared, fetch: hold }));
  } catch (error) {
    if (!answer) throw error;
  }
  const text = await bodyOf(answer, answer.url);
  const { headers, ok } = answer;
  // A success without a body is none, and a Response of that status could not have one.
  const status = ok ? 200 : answer.status;
  const replay: ProviderFetch = async () => new Response(text, { status, headers: plainHeaders(headers) });
  const issuer = ok ? expectedIssuer(config, shared, idTokenClaims(text)) : shared;
  return ask(clientOf({ issuer, fetch: replay }));
}

/** Whether an issuer is the template with some tenant in it. */
const fits = (issuer: string, template: string): boolean => tenantIn(issuer, template) !== undefined;

function tenantIn(issuer: string, template: string): string | undefined {
  const [before = '', after = ''] = template.split(/\{\w+\}/);
  const tenant = issuer.slice(before.length, issuer.length - after.length);
  return `${before}${tenant}${after}` === issuer && tenantForm.test(tenant) ? tenant : undefined;
}

/** Whether an issuer is that of a tenant whose people may sign in. */
export function isIssuerOfAdmitted(
  { issuerTemplate, tenants, insecureAnyTenant }: TenantSettings,
  issuer: string,
): boolean {
  const tenant = issuerTemplate === undefined ? undefined : tenantIn(issuer, issuerTemplate);
  return tenant !== undefined && (insecureAnyTenant || tenants?.includes(tenant) === true);
}

/** What was sent compressed is not any more. */
function plainHeaders(headers: Headers): Record<string, string> {
  const kept = ['content-type', 'retry-after', 'www-authenticate'];
  return Object.fromEntries(
    kept.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}

function idTokenClaims(text: string): JWTPayload | undefined {
  try {
    return decodeJwt((JSON.parse(text) as { id_token: string }).id_token);
  } catch {
    return undefined;
  }
}
