import { test } from 'tap';
import { type AccessRequest, type AccessRule, compileAccess } from '../../src/access/decide.ts';
import { personOf } from '../../src/identity/person.ts';

const now = 1_800_000_000;
const rule: AccessRule = {
  allow: 'signed-in',
  unauthenticated: 'auto',
  preflight: 'check',
  csrf: 'off',
  stepUp: { acr: ['gold', 'silver'], maxAge: 300_000 },
};

/** Somebody with these claims, in a request as programs send it. */
function asking(claims: Record<string, unknown>, more: Partial<AccessRequest> = {}): AccessRequest {
  const rules = {
    claims: {
      user: 'sub',
      username: 'preferred_username',
      email: 'email',
      emailVerified: 'email_verified',
      name: 'name',
      groups: 'groups',
    },
    requireVerifiedEmail: false,
    countUnverifiedEmail: false,
  };
  const person = { ...personOf(rules, 'ada', claims), provider: 'default', bearer: false, scopes: [] };
  return {
    person,
    clientAddress: undefined,
    navigation: false,
    preflight: false,
    forgeable: false,
    now,
    ...more,
  };
}

const kindOf = (
  claims: Record<string, unknown>,
  of: Partial<AccessRule> = {},
  more: Partial<AccessRequest> = {},
) => compileAccess({ ...rule, ...of }).decide(asking(claims, more)).kind;

test('C19: the class has to be one of those asked, and the authentication recent enough', (t) => {
  t.equal(kindOf({ acr: 'gold', auth_time: now - 299 }), 'allow');
  t.equal(kindOf({ acr: 'silver', auth_time: now }), 'allow');
  t.equal(kindOf({ acr: 'bronze', auth_time: now }), 'step-up');
  t.equal(kindOf({ acr: 'golden', auth_time: now }), 'step-up');
  t.equal(kindOf({ acr: ['gold'], auth_time: now }), 'step-up', 'a list is no class');
  t.equal(kindOf({ auth_time: now }), 'step-up');
  t.equal(kindOf({ acr: 'gold', auth_time: now - 331 }), 'step-up', 'with half a minute for the clocks');
  t.equal(kindOf({ acr: 'gold', auth_time: now + 3600 }), 'step-up', 'the future is no past');
  t.equal(kindOf({ acr: 'gold', auth_time: `${now}` }), 'step-up');
  t.equal(kindOf({ acr: 'gold' }), 'step-up');
  t.end();
});

test('without a clock no sign-in is recent', (t) => {
  const { now: _, ...request } = asking({ acr: 'gold', auth_time: now });
  t.equal(compileAccess(rule).decide(request).kind, 'step-up');
  t.end();
});

test('only who may pass at all is asked for more', (t) => {
  t.equal(kindOf({}, { allow: [{ groups: ['admins'] }] }), 'deny');
  t.equal(kindOf({ groups: ['admins'] }, { allow: [{ groups: ['admins'] }] }), 'step-up');
  t.equal(kindOf({}, { allow: 'signed-in' }, { person: undefined }), 'deny');
  t.equal(kindOf({}, { allow: 'signed-in' }, { person: undefined, navigation: true }), 'login');
  t.end();
});

test('navigations are redirected, unless the route answers everybody alike', (t) => {
  const redirect = (unauthenticated: AccessRule['unauthenticated'], navigation: boolean) => {
    const decision = compileAccess({ ...rule, unauthenticated }).decide(asking({}, { navigation }));
    return decision.kind === 'step-up' && decision.redirect;
  };
  t.same([redirect('auto', true), redirect('auto', false)], [true, false]);
  t.same([redirect('login', true), redirect('login', false)], [true, true]);
  t.same([redirect('401', true), redirect('401', false)], [false, false]);
  t.same([redirect('pass', true), redirect('pass', false)], [true, false]);
  t.end();
});
