import type { AllowRule, StepUpConfig } from '../config/schema/index.ts';
import { failingCondition, missingScope, needsPerson, type Person, type Subject } from './conditions.ts';
import { unmetStepUp } from './step-up.ts';

/** The part of a route that says who may pass. */
export interface AccessRule {
  allow: AllowRule;
  /** The names of the providers whose people may pass; undefined for all. */
  provider?: readonly string[] | undefined;
  unauthenticated: 'auto' | 'login' | '401' | 'pass';
  preflight: 'check' | 'pass';
  csrf: 'off' | 'header';
  /** How people must have signed in. */
  stepUp?: StepUpConfig | undefined;
}

/** What is known of a request when it is decided. */
export interface AccessRequest extends Subject {
  /** A browser is going to a page, so that a redirect to the login will be seen by a person. */
  navigation: boolean;
  /** A CORS preflight: a browser asks whether a script of another site may send something. */
  preflight: boolean;
  /** It may change something, and nothing shows that no other site sent it. */
  forgeable: boolean;
  /** It may change something, and names an origin that is neither the gateway's nor one of the route's `cors`. */
  fromElsewhere?: boolean;
  /** Seconds since the epoch; without it no sign-in is young enough. */
  now?: number;
}

/** The decision as a value; one place turns it into HTTP. `reason` is a sentence for logs and explanations. */
export type Decision =
  | { kind: 'allow'; reason: string }
  | { kind: 'login'; reason: string }
  /** Allowed, once the person has signed in more strongly or again: by a redirect, or told by a challenge. */
  | { kind: 'step-up'; redirect: boolean; reason: string }
  | {
      kind: 'deny';
      code: 'not_signed_in' | 'not_allowed' | 'forgery_header_missing' | 'cross_site';
      reason: string;
    }
  /** An access token that is good for less than the route asks; `scope` is what it lacks. */
  | { kind: 'deny'; code: 'insufficient_scope'; scope: string; reason: string };

const allowPublic: Decision = { kind: 'allow', reason: 'the route is public' };
const allowSignedIn: Decision = { kind: 'allow', reason: 'signed in' };
const allowPass: Decision = { kind: 'allow', reason: 'not signed in, and the route lets such requests pass' };
const login: Decision = { kind: 'login', reason: 'not signed in: sent to the login' };
const notSignedIn: Decision = { kind: 'deny', code: 'not_signed_in', reason: 'not signed in' };

const allowPreflight: Decision = { kind: 'allow', reason: 'a CORS preflight, which the route lets pass' };
const forgeable: Decision = {
  kind: 'deny',
  code: 'forgery_header_missing',
  reason: 'rides on the session cookie without X-Requested-With',
};
const fromElsewhere: Decision = {
  kind: 'deny',
  code: 'cross_site',
  reason: 'rides on the session cookie from an Origin that is neither of publicUrl nor of cors',
};

/** Decides whether a request may pass a route. Pure: the same values give the same decision. */
export function decide(rule: AccessRule, request: AccessRequest): Decision {
  const decision = decideWho(rule, request);
  if (rule.stepUp === undefined || decision.kind !== 'allow' || decision === allowPreflight) return decision;
  return decideStrength(rule.stepUp, rule, request) ?? decision;
}

/** What people who may pass have to do first, if anything. */
function decideStrength(
  stepUp: StepUpConfig,
  { unauthenticated }: AccessRule,
  { person, navigation, now = Number.POSITIVE_INFINITY }: AccessRequest,
): Decision | undefined {
  const unmet = person && unmetStepUp(stepUp, person.claims, now);
  if (!unmet) return undefined;
  const redirect = unauthenticated === 'login' || (unauthenticated !== '401' && navigation);
  const reason =
    unmet === 'acr'
      ? `signed in as ${JSON.stringify(person.claims.acr ?? null)}, and stepUp.acr asks for ${stepUp.acr?.join(', ')}`
      : 'signed in longer ago than stepUp.maxAge allows, or nobody knows when';
  return { kind: 'step-up', redirect, reason };
}

function decideWho(rule: AccessRule, request: AccessRequest): Decision {
  const { allow, unauthenticated } = rule;
  if (rule.preflight === 'pass' && request.preflight) return allowPreflight;
  // What a client brings along itself, no other site can make a browser send.
  if (rule.csrf === 'header' && request.person && !request.person.bearer) {
    if (request.forgeable) return forgeable;
    if (request.fromElsewhere) return fromElsewhere;
  }
  if (allow === 'public') return allowPublic;
  const signedIn = request.person !== undefined;
  if (allow === 'signed-in') return signedIn ? allowSignedIn : withoutSession(unauthenticated, request);
  const failing: string[] = [];
  let scope: string | undefined;
  for (const [index, alternative] of allow.entries()) {
    const condition = failingCondition(alternative, request);
    if (condition === undefined) return { kind: 'allow', reason: `allow[${index}] holds` };
    failing.push(`allow[${index}].${condition}`);
    scope ??= missingScope(alternative, request);
  }
  // Signing in helps only where some alternative asks who it is.
  if (!signedIn && allow.some(needsPerson)) return withoutSession(unauthenticated, request);
  const reason = `none holds: ${failing.join(', ')}`;
  return scope === undefined
    ? { kind: 'deny', code: 'not_allowed', reason }
    : { kind: 'deny', code: 'insufficient_scope', scope, reason };
}

/**
 * Whether a route takes this provider's word for who somebody is. Elsewhere the person is nobody: neither rules
 * nor headers may see what another provider says.
 */
export function trusts({ provider }: Pick<AccessRule, 'provider'>, person: Person): boolean {
  return provider === undefined || (person.provider !== undefined && provider.includes(person.provider));
}

function withoutSession(
  unauthenticated: AccessRule['unauthenticated'],
  { navigation }: AccessRequest,
): Decision {
  switch (unauthenticated) {
    case 'pass':
      return allowPass;
    case 'login':
      return login;
    case '401':
      return notSignedIn;
    case 'auto':
      return navigation ? login : notSignedIn;
  }
}
