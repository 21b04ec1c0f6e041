import type { StepUpConfig } from '../config/schema/index.ts';
import { type AllowRule, asksWho, compileRule, needsOfRule, requiredScope, ruleKey } from './rule.ts';
import { stepUpClaims, unmetStepUp } from './step-up.ts';
import type { Person, Subject } from './subject.ts';

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
}

/** The decision as a value; one place turns it into HTTP. `reason` is a sentence for logs and explanations. */
export type Decision =
  | { kind: 'allow'; reason: string }
  | { kind: 'login'; reason: string }
  /** Allowed, once the person has signed in more strongly or again: by a redirect, or told by a challenge. */
  | { kind: 'step-up'; redirect: boolean; rule: 'stepUp.acr' | 'stepUp.maxAge'; reason: string }
  | {
      kind: 'deny';
      code: 'not_signed_in' | 'not_allowed' | 'forgery_header_missing' | 'cross_site';
      reason: string;
    }
  /** An access token that is good for less than the route asks; `scope` is what it lacks. */
  | { kind: 'deny'; code: 'insufficient_scope'; scope: string; reason: string };

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

/** Whether a request was refused since another site may have made a browser send it, with the cookies of its person. */
export const isForged = (decision: Decision): boolean =>
  decision.kind === 'deny' && (decision.code === 'forgery_header_missing' || decision.code === 'cross_site');

/** Who may pass a route, prepared for requests. */
export interface Access {
  /** Pure: the same values give the same decision. */
  decide(request: AccessRequest): Decision;
  /**
   * Whether the route takes this provider's word for who somebody is. Elsewhere the person is nobody: neither rules
   * nor headers may see what another provider says.
   */
  trusts(person: Pick<Person, 'provider'>): boolean;
  /** Everybody passes, whoever they are. */
  isPublic: boolean;
  /** The route asks who somebody is, and lets those pass who are not signed in, as nobody. */
  letsNobodyPass: boolean;
  /** What an access token has to be good for, whoever brings it. */
  requiredScope: string | undefined;
  /** Routes with the same text let the same people pass in the same way. */
  key: string;
}

/** Prepares the rule of a route. */
export function compileAccess(rule: AccessRule): Access {
  const { allow, unauthenticated, provider, stepUp } = rule;
  const decideWho = compileWho(rule);
  const decideStrength = stepUp && compileStrength(stepUp, unauthenticated);
  return {
    decide: decideStrength
      ? (request) => {
          const decision = decideWho(request);
          if (decision.kind !== 'allow' || decision === allowPreflight) return decision;
          return decideStrength(request) ?? decision;
        }
      : decideWho,
    trusts: (person) =>
      provider === undefined || (person.provider !== undefined && provider.includes(person.provider)),
    isPublic: allow === 'public',
    letsNobodyPass: unauthenticated === 'pass' && asksWho(allow),
    requiredScope: requiredScope(allow),
    key: JSON.stringify([
      ruleKey(allow),
      unauthenticated,
      provider ?? null,
      stepUp ?? null,
      rule.csrf,
      rule.preflight,
    ]),
  };
}

/** A configuration whose routes have their rules compiled. */
export function withAccess<Routes extends { routes: readonly AccessRule[] }>(
  config: Routes,
): Omit<Routes, 'routes'> & { routes: (Routes['routes'][number] & { access: Access })[] } {
  return { ...config, routes: config.routes.map((route) => ({ ...route, access: compileAccess(route) })) };
}

/** The claims that deciding needs: dotted paths, and those of which each provider says where it has them. */
export function needsOfAccess({ allow, stepUp }: Pick<AccessRule, 'allow' | 'stepUp'>) {
  const { paths, roles } = needsOfRule(allow);
  return { paths: stepUp ? [...paths, ...stepUpClaims] : paths, roles };
}

/** Decides whether a request may pass a route. */
export const decide = ({ access }: { access: Pick<Access, 'decide'> }, request: AccessRequest): Decision =>
  access.decide(request);

/** Whether a route takes the word of a person's provider. */
export const trusts = (
  { access }: { access: Pick<Access, 'trusts'> },
  person: Pick<Person, 'provider'>,
): boolean => access.trusts(person);

/** What people who may pass have to do first, if anything. */
function compileStrength(
  stepUp: StepUpConfig,
  unauthenticated: AccessRule['unauthenticated'],
): (request: AccessRequest) => Decision | undefined {
  return ({ person, navigation, now = Number.POSITIVE_INFINITY }) => {
    const unmet = person && unmetStepUp(stepUp, person.claims, now);
    if (!unmet) return undefined;
    const redirect = unauthenticated === 'login' || (unauthenticated !== '401' && navigation);
    const reason =
      unmet === 'acr'
        ? `signed in as ${JSON.stringify(person.claims.acr ?? null)}, and stepUp.acr asks for ${stepUp.acr?.join(', ')}`
        : 'signed in longer ago than stepUp.maxAge allows, or nobody knows when';
    return { kind: 'step-up', redirect, rule: `stepUp.${unmet}`, reason };
  };
}

function compileWho(rule: AccessRule): (request: AccessRequest) => Decision {
  const judge = compileRule(rule.allow);
  const { unauthenticated } = rule;
  const letsPreflightsPass = rule.preflight === 'pass';
  const asksForHeader = rule.csrf === 'header';
  return (request) => {
    if (letsPreflightsPass && request.preflight) return allowPreflight;
    // What a client brings along itself, no other site can make a browser send.
    if (asksForHeader && request.person && !request.person.bearer) {
      if (request.forgeable) return forgeable;
      if (request.fromElsewhere) return fromElsewhere;
    }
    const verdict = judge(request);
    return verdict.kind === 'sign-in' ? withoutSession(unauthenticated, request) : verdict;
  };
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
