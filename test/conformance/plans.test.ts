import { test } from 'tap';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { makeCertificate } from '../support/certificate.ts';
import { configurationOf, notForUs, type Run, runsOf } from './plans.ts';
import type { ModuleResult, PlanResult } from './run-plan.ts';
import { makeSetting } from './setting.ts';
import { isGood, tableOf } from './table.ts';

const suite = { url: 'https://localhost:8443', mtlsUrl: 'https://localhost:8444' };

test('what each plan configures is valid, and its redirect URIs are those of the gateway', async (t) => {
  const { certFile } = await makeCertificate('suite');
  const setting = await makeSetting(suite, certFile, 'sallyport');
  const runs = runsOf(setting);
  t.equal(new Set(runs.map(({ name }) => name)).size, runs.length, 'names are names');
  const more = {
    upstream: 'http://127.0.0.1:9',
    session: { secret: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=' },
  };
  for (const run of runs) {
    // The one that is about a secret is in no plan of FAPI.
    const ofSecret = run.plan.startsWith('oidcc-') ? ['oidcc-client-test-client-secret-basic'] : [];
    for (const module of ['oidcc-client-test', ...ofSecret]) {
      const document = { ...configurationOf(setting, run, module), ...more };
      t.doesNotThrow(() => parseConfig(stringify(document), { env: {} }), `${run.name} ${module}`);
    }
    t.match(JSON.stringify(run.client), `${setting.gateway.url}/oauth2/callback`);
  }
});

test('every way in which a client authenticates has a run of the whole list', async (t) => {
  const setting = await makeSetting(suite, 'ca.pem', 'sallyport');
  const methods = runsOf(setting)
    .filter(({ plan }) => plan === 'oidcc-client-test-plan')
    .map(({ variant }) => variant.client_auth_type);
  t.strictSame([...new Set(methods)].sort(), [
    'client_secret_basic',
    'client_secret_jwt',
    'client_secret_post',
    'none',
    'private_key_jwt',
    'self_signed_tls_client_auth',
    'tls_client_auth',
  ]);
});

const result = (module: string, outcome: string, complaints: string[] = []): ModuleResult => ({
  module,
  result: outcome,
  seen: 'signed in',
  complaints,
  isSecond: false,
});

const plan = (modules: ModuleResult[], leftOut: string[] = []): PlanResult => ({
  run: { name: 'basic', title: 'Basic RP', plan: 'a-plan' } as Run,
  modules,
  leftOut,
});

test('the table counts each module once, and what never ended has failed', (t) => {
  const good = plan([result('a', 'PASSED'), result('b', 'SKIPPED'), result('c', 'REVIEW')]);
  t.match(tableOf([good]), '| Basic RP | `a-plan` | 3 | 1 | 1 | 1 | – | – |');
  t.ok(isGood([good]));
  for (const outcome of ['FAILED', 'NEVER ENDED', 'INTERRUPTED', 'UNKNOWN']) {
    const bad = plan([result('a', 'PASSED'), result('b', outcome, ['FAILURE Check: it is\nwrong'])]);
    t.match(tableOf([bad]), '| 2 | 1 | – | – | – | 1 |', outcome);
    t.match(tableOf([bad]), `- Basic RP, \`b\`: ${outcome}. FAILURE Check: it is wrong`);
    t.notOk(isGood([good, bad]), outcome);
  }
  t.end();
});

test('what passed at the second attempt alone is said', (t) => {
  const second = plan([{ ...result('late', 'PASSED'), isSecond: true }]);
  t.match(tableOf([second]), 'At the second attempt: `late` (basic).');
  t.notMatch(tableOf([plan([result('a', 'PASSED')])]), 'attempt');
  t.end();
});

test('what was left out is listed, with the reason', (t) => {
  const [, why] = notForUs[0] ?? [];
  t.match(tableOf([plan([result('a', 'PASSED')], ['oidcc-client-test-discovery-webfinger-url'])]), why);
  t.end();
});
