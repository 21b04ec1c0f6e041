import { Agent } from 'node:http';
import type { Test } from 'tap';
import type { Client } from '../support/client.ts';
import { eachOf, sendExactly } from './ask.ts';
import type { FrontScene } from './front-scene.ts';

/** The endpoints that answer questions, below the prefix, and one more path of the second. */
const endpoints = ['auth', 'forward-auth', 'forward-auth/report'];

/** Ways into an endpoint: @ stands for it. */
const waysIn = [
  ...[
    '/oauth2/@',
    '//oauth2/@',
    '///oauth2/@',
    '/./oauth2/@',
    '/x/../oauth2/@',
    '/%2e/oauth2/@',
    '/x/%2e%2e/oauth2/@',
  ],
  ...[
    '/x%2f..%2foauth2/@',
    '/oauth2//@',
    '/oauth2/./@',
    '/oauth2/%2e/@',
    '/oauth2/x/../@',
    '/oauth2/x/%2e%2e/@',
  ],
  ...[
    '/oauth2/x/.%2e/@',
    '/oauth2/start/../@',
    '/oauth2/start/%2E%2E/@',
    '/oauth2/start%2f..%2f@',
    '/oauth2%2f@',
  ],
  ...[
    '/oauth2%2F@',
    '/oauth2\\@',
    '/oauth2%5c@',
    '/oauth2%5C@',
    '/oauth2/%2f@',
    '/oauth2/%5c@',
    '/OAUTH2/@',
    '/Oauth2/@',
  ],
  ...[
    '/%6fauth2/@',
    '/oauth%32/@',
    '/%6F%61%75%74%68%32/@',
    '/%256fauth2/@',
    '/oauth2;x/@',
    '/oauth2;/@',
    '/oauth2/;/@',
  ],
  ...[
    '/oauth2/..;/oauth2/@',
    '/open/../oauth2/@',
    '/open/..%2foauth2/@',
    '/open/%2e%2e/oauth2/@',
    '/oauth2%00/@',
  ],
  ...[
    '/oauth2/%00@',
    '/oauth2/%20@',
    '/oauth2/%09@',
    '/oauth2/%0a@',
    '/oauth2/%0d%0a@',
    '/oauth2%c0%af@',
    '/oauth2%e2%88%95@',
  ],
  ...[
    '/oauth2/@/',
    '/oauth2/@//',
    '/oauth2/@/.',
    '/oauth2/@/x/..',
    '/oauth2/@;',
    '/oauth2/@;x=1',
    '/oauth2/@%00',
    '/oauth2/@%20',
  ],
  ...[
    '/oauth2/@%09',
    '/oauth2/@.',
    '/oauth2/@%2e',
    '/oauth2/@?',
    '/oauth2/@?x=1',
    '/oauth2/@?/oauth2/start',
    '/oauth2/@%3f',
  ],
  ...[
    '/oauth2/@%3fx',
    '/oauth2/@%23',
    '/oauth2/@/%2e',
    '/oauth2/@/%2f',
    '/oauth2/@%2f',
    '/oauth2/@%5c',
    '/oauth2/@%0a',
    '/oauth2/@+',
  ],
  ...[
    'http://HOST/oauth2/@',
    'http://HOST//oauth2/@',
    'http://HOST/x/../oauth2/@',
    'HTTP://HOST/oauth2/@',
    'http://evil.example/oauth2/@',
  ],
];

/** Ways that begin in an endpoint, and lead elsewhere for those who resolve them. */
const waysOut = [
  ...[
    '/oauth2/@/../start',
    '/oauth2/@/%2e%2e/start',
    '/oauth2/@/%2E%2E/start',
    '/oauth2/@/.%2e/start',
    '/oauth2/@/..%2fstart',
  ],
  ...[
    '/oauth2/@/%2e%2e%2fstart',
    '/oauth2/@/..;/start',
    '/oauth2/@/..%5cstart',
    '/oauth2/@/../sign_in',
    '/oauth2/@/../userinfo',
  ],
  ...[
    '/oauth2/@/../../report',
    '/oauth2/@/%2e%2e/%2e%2e/report',
    '/oauth2/@/../../open',
    '/oauth2/@/%2e%2e/%2e%2e/open',
  ],
  ...['/oauth2/@/../jwks', '/oauth2/@/..', '/oauth2/@/../', '/oauth2/@/%2e%2e', '/oauth2/@/%2e%2e/'],
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
function requestsForEndpoints(host: string): { target: string; headers: string[] }[] {
  const plain = endpoints.flatMap((endpoint) =>
    [...waysIn, ...waysOut].map((way) => way.replace('@', endpoint).replace('HOST', host)),
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
