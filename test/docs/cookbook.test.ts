import { randomBytes } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { test } from 'tap';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { headerSet } from '../../src/forward/header-set.ts';
import { arrangeGateway, arrangeUpstream } from '../support/arrange.ts';
import { logIn } from '../support/log-in.ts';
import { startProvider } from '../support/provider.ts';
import { recipe, recipes, snippet } from './cookbook.ts';
import { blocksOf, type Page } from './documents.ts';

const pages = [...recipes()].filter(([heading]) => heading !== 'Rules for all of them');

/** Every variable that a text names, with a value. */
function environmentOf(text: string): NodeJS.ProcessEnv {
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => String(name));
  return Object.fromEntries(names.map((name) => [name, randomBytes(32).toString('base64')]));
}

function read(page: Page) {
  const yaml = snippet(page, 'yaml');
  return parseConfig(yaml, { file: page.path, env: environmentOf(yaml) });
}

/** How applications are told which headers to read: by the language of the block, the names in it. */
const settings: readonly [info: string, names: RegExp][] = [
  ['ini', /^header_name = (\S+)|^headers = (.+)/gm],
  ['yaml jenkins', /^ +(?:forwardedUser|forwardedEmail|headerGroups): (\S+)/gm],
  ['yaml kibana', /^elasticsearch\.requestHeadersWhitelist: \[(.+)\]/gm],
  ['apache', /^SetEnvIf (\S+)|^CGIPass(Auth) On/gm],
  ['nginx', /\$http_(\w+)/g],
  ['python', /"HTTP_(\w+)"/g],
  ['php', /'HTTP_(\w+)'/g],
];

/** The headers that the application of a recipe reads, in lower case with `-`. */
function namesRead(page: Page): string[] {
  const names = blocksOf(page).flatMap(({ info, text }) => {
    const [, pattern] = settings.find(([language]) => language === info) ?? [];
    if (!pattern) return [];
    return [...text.matchAll(pattern)].flatMap(([, one, other]) =>
      String(one ?? other)
        .split(/[,\s]+/)
        .map((name) => name.replace(/^\w+:/, '').replace(/^Auth$/, 'Authorization')),
    );
  });
  return [...new Set(names.map((name) => name.toLowerCase().replaceAll('_', '-')))];
}

test('every recipe has a whole configuration without a warning, and says what else must be closed', (t) => {
  t.ok(pages.length >= 8, `${pages.length} recipes`);
  for (const [heading, page] of pages) {
    t.strictSame(read(page).warnings, [], heading);
    t.match(page.text, /^\*\*Only through the gateway:\*\* /m, heading);
  }
  t.end();
});

test('no recipe gives the access token to an application that has no use for it', (t) => {
  for (const [heading, page] of pages) {
    const { config } = read(page);
    for (const route of config.routes) {
      const authorization = headerSet(config, route).get('Authorization');
      t.notMatch(JSON.stringify(authorization), 'access_token', `${heading}, ${route.path}`);
    }
  }
  t.end();
});

test('what an application reads comes from the gateway, and never from the client', async (t) => {
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  for (const [heading, page] of pages) {
    const yaml = snippet(page, 'yaml');
    const {
      publicUrl: _,
      session: __,
      provider: asked,
      routes,
      ...rest
    } = parse(yaml) as {
      publicUrl: string;
      session: unknown;
      provider: { claims?: Record<string, string> };
      routes: Record<string, unknown>[];
    };
    const config = {
      ...rest,
      routes: routes.map((route) => ({ ...route, upstream: upstream.url })),
      ...(asked.claims && { provider: { claims: asked.claims } }),
    };
    const { client, gateway } = await arrangeGateway(t, { provider, config, env: environmentOf(yaml) });
    await logIn(client, gateway.url, 'ada');
    const names = namesRead(page);
    t.ok(names.length > 0, `${heading} says what the application reads`);
    const forged = names.flatMap((name) => [name, 'mallory', name.replaceAll('-', '_'), 'mallory']);
    await client.request(gateway.url, { headers: forged });
    const { rawHeaders = [] } = upstream.requests.at(-1) ?? {};
    const sent = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
    for (const name of names) t.equal(sent.filter((one) => one === name).length, 1, `${heading}: ${name}`);
    t.notMatch(rawHeaders.join('\n'), 'mallory', heading);
  }
});

test('the addresses that applications are told are those of the gateway', (t) => {
  for (const [heading, page] of pages) {
    const { config } = read(page);
    const told = blocksOf(page).filter(({ info }) => info !== 'yaml');
    const places = told.flatMap(({ text }) => [...text.matchAll(/(https:\/\/[\w.]+)?(\/oauth2\/\w+)/g)]);
    for (const [, origin = config.publicUrl[0], path] of places) {
      t.equal(origin, config.publicUrl[0], heading);
      t.match(path, /^\/oauth2\/(jwks|sign_out)$/, heading);
    }
  }
  t.end();
});

test('Grafana can verify the assertion by the settings of its recipe', async (t) => {
  const page = recipe('Grafana, by signed assertion');
  const ini = snippet(page, 'ini');
  const setting = (name: string) => new RegExp(`^${name} = (.*)$`, 'm').exec(ini)?.[1] ?? '';
  const expected = JSON.parse(setting('expect_claims')) as { iss: string; aud: string };
  const { routes } = parse(snippet(page, 'yaml')) as { routes: Record<string, unknown>[] };
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const config = { routes: routes.map((route) => ({ ...route, upstream: upstream.url })) };
  const { client, gateway } = await arrangeGateway(t, { provider, config });
  await logIn(client, gateway.url, 'ada');

  const { rawHeaders = [] } = upstream.requests.at(-1) ?? {};
  const assertion = rawHeaders[rawHeaders.indexOf(setting('header_name')) + 1] ?? '';
  const keys = await client.get(gateway.url + new URL(setting('jwk_set_url')).pathname);
  const { payload } = await jwtVerify(assertion, createLocalJWKSet(keys.json() as JSONWebKeySet), {
    issuer: gateway.url,
    audience: expected.aud,
  });
  t.equal(expected.iss, read(page).config.publicUrl[0]);
  t.equal(payload[setting('username_claim')], 'ada@example.com');
  t.ok(Array.isArray(payload.groups), 'what role_attribute_path looks into');
});

test('Jenkins separates groups by what the gateway joins them with', async (t) => {
  const { jenkins } = parse(snippet(recipe('Jenkins'), 'yaml jenkins')) as {
    jenkins: { securityRealm: { reverseProxy: Record<string, string> } };
  };
  const { headerGroups = '', headerGroupsDelimiter = '' } = jenkins.securityRealm.reverseProxy;
  const provider = await startProvider();
  t.teardown(() => provider.stop());
  const upstream = await arrangeUpstream(t);
  const { client, gateway } = await arrangeGateway(t, { provider, upstream });
  await logIn(client, gateway.url, 'ada');
  const { rawHeaders = [] } = upstream.requests.at(-1) ?? {};
  const groups = rawHeaders[rawHeaders.indexOf(headerGroups) + 1] ?? '';
  t.strictSame(groups.split(headerGroupsDelimiter), provider.people.ada?.groups);
});
