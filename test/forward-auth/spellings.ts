import { Agent } from 'node:http';
import type { Test } from 'tap';
import type { Client } from '../support/client.ts';
import { eachOf, sendExactly } from './ask.ts';
import type { FrontScene } from './front-scene.ts';

/** The endpoints that answer questions, below the prefix, and one more path of the second. */
const endpoints = ['auth', 'forward-auth', 'forward-auth/report'];

/** Ways into an endpoint: E stands for it. */
const waysIn = [
  ...[
    '/oauth2/E',
    '//oauth2/E',
    '///oauth2/E',
    '/./oauth2/E',
    '/x/../oauth2/E',
    '/%2e/oauth2/E',
    '/x/%2e%2e/oauth2/E',
  ],
  ...[
    '/x%2f..%2foauth2/E',
    '/oauth2//E',
    '/oauth2/./E',
    '/oauth2/%2e/E',
    '/oauth2/x/../E',
    '/oauth2/x/%2e%2e/E',
  ],
  ...[
    '/oauth2/x/.%2e/E',
    '/oauth2/start/../E',
    '/oauth2/start/%2E%2E/E',
    '/oauth2/start%2f..%2fE',
    '/oauth2%2fE',
  ],
  ...[
    '/oauth2%2FE',
    '/oauth2\\E',
    '/oauth2%5cE',
    '/oauth2%5CE',
    '/oauth2/%2fE',
    '/oauth2/%5cE',
    '/OAUTH2/E',
    '/Oauth2/E',
  ],
  ...[
    '/%6fauth2/E',
    '/oauth%32/E',
    '/%6F%61%75%74%68%32/E',
    '/%256fauth2/E',
    '/oauth2;x/E',
    '/oauth2;/E',
    '/oauth2/;/E',
  ],
  ...[
    '/oauth2/..;/oauth2/E',
    '/open/../oauth2/E',
    '/open/..%2foauth2/E',
    '/open/%2e%2e/oauth2/E',
    '/oauth2%00/E',
  ],
  ...[
    '/oauth2/%00E',
    '/oauth2/%20E',
    '/oauth2/%09E',
    '/oauth2/%0aE',
    '/oauth2/%0d%0aE',
    '/oauth2%c0%afE',
    '/oauth2%e2%88%95E',
  ],
  ...[
    '/oauth2/E/',
    '/oauth2/E//',
    '/oauth2/E/.',
    '/oauth2/E/x/..',
    '/oauth2/E;',
    '/oauth2/E;x=1',
    '/oauth2/E%00',
    '/oauth2/E%20',
  ],
  ...[
    '/oauth2/E%09',
    '/oauth2/E.',
    '/oauth2/E%2e',
    '/oauth2/E?',
    '/oauth2/E?x=1',
    '/oauth2/E?/oauth2/start',
    '/oauth2/E%3f',
  ],
  ...[
    '/oauth2/E%3fx',
    '/oauth2/E%23',
    '/oauth2/E/%2e',
    '/oauth2/E/%2f',
    '/oauth2/E%2f',
    '/oauth2/E%5c',
    '/oauth2/E%0a',
    '/oauth2/E+',
  ],
  ...[
    'http://HOST/oauth2/E',
    'http://HOST//oauth2/E',
    'http://HOST/x/../oauth2/E',
    'HTTP://HOST/oauth2/E',
    'http://evil.example/oauth2/E',
  ],
];

/** Ways that begin in an endpoint, and lead elsewhere for those who resolve them. */
const waysOut = [
  ...[
    '/oauth2/E/../start',
    '/oauth2/E/%2e%2e/start',
    '/oauth2/E/%2E%2E/start',
    '/oauth2/E/.%2e/start',
    '/oauth2/E/..%2fstart',
  ],
  ...[
    '/oauth2/E/%2e%2e%2fstart',
    '/oauth2/E/..;/start',
    '/oauth2/E/..%5cstart',
    '/oauth2/E/../sign_in',
    '/oauth2/E/../userinfo',
  ],
  ...[
    '/oauth2/E/../../report',
    '/oauth2/E/%2e%2e/%2e%2e/report',
    '/oauth2/E/../../open',
    '/oauth2/E/%2e%2e/%2e%2e/open',
  ],
  ...['/oauth2/E/../jwks', '/oauth2/E/..', '/oauth2/E/../', '/oauth2/E/%2e%2e', '/oauth2/E/%2e%2e/'],
];

const encoded = (letter: string) => `%${letter.charCodeAt(0).toString(16)}`;

/** One letter after the other in its escape, and the endpoint in other cases. */
function disguised(endpoint: string): string[] {
  const one = [...endpoint].map(
    (letter, at) => endpoint.slice(0, at) + encoded(letter) + endpoint.slice(at + 1),
  );
  return [
    ...one,
    ...one.map((text) => text.replace('%', '%25')),
    [...endpoint].map(encoded).join(''),
    endpoint.toUpperCase(),
    endpoint[0]?.toUpperCase() + endpoint.slice(1),
    endpoint.replace('auth', 'aut\u{ff48}').replace(/[^\0-\x7f]/g, encodeURIComponent),
    endpoint.replace('auth', '%c1%a1uth'),
  ];
}

/** The names that the original request goes by, as `fetch()` may send them. */
function naming(host: string): string[][] {
  return [
    [],
    ['X-Forwarded-Uri', '/report', 'X-Forwarded-Host', host],
    ['X-Original-URL', `http://${host}/report`, 'X-Original-Method', 'GET'],
  ];
}

/** Requests for the endpoints that answer questions, in spellings that fronts read in different ways. */
export function requestsForEndpoints(host: string): { target: string; headers: string[] }[] {
  const plain = endpoints.flatMap((endpoint) =>
    [...waysIn, ...waysOut].map((way) => way.replace('E', endpoint).replace('HOST', host)),
  );
  const hidden = endpoints
    .slice(0, 2)
    .flatMap(disguised)
    .map((text) => `/oauth2/${text}`);
  return [...new Set([...plain, ...hidden])].flatMap((target) =>
    naming(host).map((headers) => ({ target, headers })),
  );
}

/** The answer to a question holds tokens: a script in a page must not get one by asking through the front. */
export async function checkSpellings(
  t: Test,
  scene: FrontScene,
  client: Client,
  token: string,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const requests = requestsForEndpoints(scene.host);
  const leaks = await eachOf(requests, async ({ target, headers }) => {
    const cookie = client.cookies.headerFor(scene.publicUrl) ?? '';
    const sent = { target, headers: [...headers, 'Cookie', cookie] };
    const answer = await sendExactly(scene.host, sent, agent).catch(() => undefined);
    const told = answer?.rawHeaders.join('\n') ?? '';
    const leaks = told.includes(token) || /^x[-_]forwarded[-_](user|email|groups)$/im.test(told);
    return leaks ? `${target} ${headers.join(' ')}: ${answer?.status}` : undefined;
  });
  agent.destroy();
  const found = leaks.filter((leak) => leak !== undefined);
  t.ok(requests.length >= 668, `${requests.length} requests for the endpoints`);
  t.strictSame(found, [], 'no page gets a token by asking');
  const reached = scene.application.requests.filter(({ url }) => /^\/oauth2\/[\w-]+$/.test(url));
  t.strictSame(reached, [], 'nor does a plain one reach the application');
  return found.length;
}
