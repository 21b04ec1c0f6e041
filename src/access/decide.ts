/** The part of a route that says who may pass. */
export interface AccessRule {
  allow: 'public' | 'signed-in';
  unauthenticated: 'auto' | 'login' | '401' | 'pass';
}

/** What is known of a request when it is decided. */
export interface AccessRequest {
  signedIn: boolean;
  /** A browser is going to a page, so that a redirect to the login will be seen by a person. */
  navigation: boolean;
}

/** The decision as a value; one place turns it into HTTP. `reason` is a sentence for logs and explanations. */
export type Decision =
  | { kind: 'allow'; reason: string }
  | { kind: 'login'; reason: string }
  | { kind: 'deny'; code: 'not_signed_in'; reason: string };

const allowPublic: Decision = { kind: 'allow', reason: 'the route is public' };
const allowSignedIn: Decision = { kind: 'allow', reason: 'signed in' };
const allowPass: Decision = { kind: 'allow', reason: 'not signed in, and the route lets such requests pass' };
const login: Decision = { kind: 'login', reason: 'not signed in: sent to the login' };
const deny: Decision = { kind: 'deny', code: 'not_signed_in', reason: 'not signed in' };

/** Decides whether a request may pass a route. Pure: the same values give the same decision. */
export function decide(rule: AccessRule, request: AccessRequest): Decision {
  if (rule.allow === 'public') return allowPublic;
  if (request.signedIn) return allowSignedIn;
  switch (rule.unauthenticated) {
    case 'pass':
      return allowPass;
    case 'login':
      return login;
    case '401':
      return deny;
    case 'auto':
      return request.navigation ? login : deny;
  }
}
