import type { IncomingMessage } from 'node:http';
import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import { openFiles } from '../../src/files.ts';
import { createHoldings } from '../../src/holdings.ts';
import { openBearerClients } from '../../src/identity/bearer/clients.ts';
import { systemRandom } from '../../src/random.ts';
import type { Teardown } from '../support/arrange.ts';
import { createWoundClock } from '../support/clock.ts';
import { gatewayYaml } from '../support/gateway-config.ts';
import { unobserved } from '../support/observe.ts';
import { api, signedToken, startIssuer } from './scene.ts';

/** An issuer, a good token of it, and what opens one configuration of `bearer` after another. */
async function arrange(t: Teardown) {
  const provider = await startIssuer();
  t.teardown(() => provider.stop());
  const claims = { groups: ['staff'], roles: ['admin'], team: 'blue' };
  const token = await signedToken(provider, { claims });
  const holdings = createHoldings();
  const clock = createWoundClock();
  const open = (entry: Record<string, unknown>, claimPaths: readonly string[] = ['groups', 'roles']) => {
    const bearer = [{ issuer: provider.issuer, audience: api, ...entry }];
    const yaml = gatewayYaml({ provider, upstream: 'http://127.0.0.1:9', config: { bearer } }, 1);
    const { config } = parseConfig(yaml, { file: 'sallyport.yaml', env: {} });
    const lease = holdings.lease();
    t.teardown(() => lease.release());
    const once = async () => '';
    const { read } = openFiles();
    const needs = { emit: unobserved.emit, clock, random: systemRandom, keep: lease.keep, read, once };
    const limits = { tried: () => {}, failed: () => {}, asked: () => {} };
    const clients = openBearerClients(config, { ...needs, limits, claimPaths: new Set(claimPaths) });
    const authorization = `Bearer ${token}`;
    const message = {
      headers: { authorization },
      rawHeaders: ['Authorization', authorization],
    } as unknown as IncomingMessage;
    const access = { trusts: () => true, requiredScope: undefined };
    const route = { resource: undefined, resourceMetadata: undefined, access };
    const place = { method: 'GET', origin: 'https://a.example', host: 'a.example', path: '/' };
    return {
      lease,
      ask: async () => (await clients?.identify({ message, ...place, address: '192.0.2.1', route }))?.person,
    };
  };
  return { provider, open };
}

test('a token that is known stays known over a configuration that changes no outcome', async (t) => {
  const { provider, open } = await arrange(t);
  const first = open({});
  // The first one fetches the keys; what it verified with those of before is verified once more.
  await first.ask();
  const person = await first.ask();
  t.strictSame(person?.groups, ['staff']);
  const second = open({ timeout: '7s' });
  await first.lease.release();
  await provider.stop();
  t.equal(await second.ask(), person, 'with the issuer out, and without verifying it again');
});

test('another configuration of claims makes another person of a known token', async (t) => {
  const { open } = await arrange(t);
  t.strictSame((await open({}).ask())?.groups, ['staff']);
  const byRoles = await open({ claims: { groups: 'roles' } }).ask();
  t.strictSame(byRoles?.groups, ['admin']);
  const withTeam = await open({}, ['groups', 'team']).ask();
  t.equal(withTeam?.claims.team, 'blue', 'a claim that only now is used');
});

test('a known token is refused where a configuration does not accept it any more', async (t) => {
  const { open } = await arrange(t);
  t.ok(await open({}).ask());
  await t.rejects(open({ audience: 'https://other.example' }).ask(), { code: 'token_invalid' });
  await t.rejects(open({ algorithms: ['ES256'] }).ask(), { code: 'token_invalid' });
});
