import { unmetStepUp } from '../../access/step-up.ts';
import type { StepUpConfig } from '../../config/schema/index.ts';
import { GatewayError } from '../../errors.ts';
import { scrub } from '../../observe/scrub.ts';
import { text } from '../../pages/texts/text.ts';
import type { Challenge } from '../bearer/challenge.ts';
import type { IdTokenClaims } from '../tokens/tokens.ts';

/** What a login has to bring (RFC 9470), and which time this is asked for. */
export interface StepUpRequest extends StepUpConfig {
  attempt: number;
}

/** A provider that did not do it when asked twice will not do it. */
const mostAttempts = 2;

/** Parameters of the authorization request (OpenID Connect Core §3.1.2.1); none where nothing is asked. */
export function stepUpParameters(wanted: StepUpRequest | undefined): Record<string, string> {
  if (!wanted) return {};
  const { acr, maxAge, attempt } = wanted;
  return {
    ...(acr && { acr_values: acr.join(' ') }),
    ...(maxAge !== undefined && { max_age: String(Math.floor(maxAge / 1000)) }),
    // Asked once more, it should not just remember what it knew before.
    ...(attempt > 1 && { prompt: 'login' }),
  };
}

/** What was asked for and what the ID token had in its place, for people to read: both in the names of the standard. */
export interface UnmetStepUp {
  wanted: string;
  had: string;
}

/**
 * What an ID token lacks of what its login asked for; undefined for nothing. Throws GatewayError when it does not say what it must.
 * @param now seconds since the epoch
 */
export function unmetByLogin(
  wanted: StepUpRequest | undefined,
  idToken: IdTokenClaims | undefined,
  now: number,
): UnmetStepUp | undefined {
  if (wanted?.maxAge !== undefined && typeof idToken?.auth_time !== 'number') {
    // OpenID Connect Core §3.1.2.1: with max_age, auth_time is required.
    throw new GatewayError('login_token_invalid', { cause: new Error('auth_time is missing') });
  }
  const { acr, auth_time: authTime } = idToken ?? {};
  switch (wanted && unmetStepUp(wanted, idToken ?? {}, now)) {
    case 'acr':
      return { wanted: `acr ${wanted?.acr?.join(' or ')}`, had: `acr ${readable(acr)}` };
    case 'maxAge':
      return {
        wanted: `max_age ${Math.floor((wanted?.maxAge ?? 0) / 1000)}`,
        had: `auth_time ${readable(authTime)}, ${Math.round(now - Number(authTime))} seconds ago`,
      };
    default:
      return undefined;
  }
}

/** A claim as a short text: what is said there is the provider's. */
const readable = (claim: unknown): string =>
  typeof claim === 'string' || typeof claim === 'number' ? scrub(String(claim)).slice(0, 100) : 'none';

/** The wish for the next attempt. Throws GatewayError 403 when there is none. */
export function askedAgain(wanted: StepUpRequest, unmet: UnmetStepUp): StepUpRequest {
  if (wanted.attempt >= mostAttempts) {
    throw new GatewayError('step_up_failed', {
      detail: text('detail.step_up_had', { wanted: unmet.wanted, had: unmet.had }),
      cause: new Error(`asked for ${unmet.wanted}, the ID token has ${unmet.had}`),
    });
  }
  return { ...wanted, attempt: wanted.attempt + 1 };
}

/** What tells a program that it needs a token of a stronger sign-in (RFC 9470 §3). */
export function stepUpDetails({ acr, maxAge }: StepUpConfig): Partial<Challenge> {
  return {
    error: 'insufficient_user_authentication',
    description: 'The sign-in is not strong or not recent enough',
    acrValues: acr?.join(' '),
    maxAge: maxAge === undefined ? undefined : Math.floor(maxAge / 1000),
  };
}

const mostAcrCharacters = 256;

/**
 * What an upstream asks for in WWW-Authenticate (RFC 9470 §3); undefined where it asks for nothing of the kind,
 * or for something that no provider could be asked.
 * @param header the value of one header
 */
export function readStepUpChallenge(header: string): StepUpConfig | undefined {
  if (!/(?:^|,)\s*(?:Bearer|DPoP)\s/i.test(header)) return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, plain] of header.matchAll(
    /([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g,
  )) {
    // Twice the same one can be read in two ways.
    if (parameters.has(name.toLowerCase())) return undefined;
    parameters.set(name.toLowerCase(), quoted ?? plain ?? '');
  }
  if (parameters.get('error') !== 'insufficient_user_authentication') return undefined;
  const values = parameters.get('acr_values');
  const seconds = parameters.get('max_age');
  if (
    values !== undefined &&
    (values.length > mostAcrCharacters || !/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(values))
  )
    return undefined;
  if (seconds !== undefined && !/^\d{1,9}$/.test(seconds)) return undefined;
  const acr = values?.split(' ').filter((value) => value !== '');
  const wanted = {
    ...(acr?.length && { acr }),
    ...(seconds !== undefined && { maxAge: Number(seconds) * 1000 }),
  };
  return Object.keys(wanted).length > 0 ? wanted : undefined;
}
