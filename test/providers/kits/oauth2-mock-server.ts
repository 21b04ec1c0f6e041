import type { Child } from '../../support/child.ts';
import { fromNpm } from '../from-npm.ts';
import type { ProviderKit, RealProvider } from '../kit.ts';
import { startServer } from '../server.ts';

const packages = fromNpm('oauth2-mock-server', ['oauth2-mock-server@8']);

/** A server for tests of clients, from npm: everybody is signed in at once, and nobody is asked for anything. */
export const kit: ProviderKit = {
  name: 'oauth2-mock-server',
  prepare: packages.prepare,
  limits: {
    'sign-out here': 'oauth2-mock-server: it never asks who somebody is',
    'sign-out there': 'oauth2-mock-server: it tells nobody of a sign-out',
    'wrong secret': 'oauth2-mock-server: it takes every client secret',
    'bearer (introspection)': 'oauth2-mock-server: it says `active` of every token, and nothing else',
    'step-up': 'oauth2-mock-server: it never asks who somebody is',
  },
  start,
};

const audience = 'https://api.example.com';

async function start(): Promise<RealProvider> {
  const server = await startServer((port) => () => packages.run(`server-${port}.mjs`, program(port), port));
  return {
    version: packages.version('oauth2-mock-server'),
    // The server has no setting for it.
    accessTokenSeconds: 3600,
    email: 'johndoe@example.com',
    settings: {
      issuer: server.url,
      clientId: 'sallyport',
      clientSecret: 'any',
      scopes: ['openid', 'email'],
    },
    goOn: (_client, page) =>
      Promise.reject(new Error(`it has no pages, and yet: ${page.url} ${page.status}`)),
    async revoke() {
      server.child().process.kill('SIGUSR2');
      await said(server.child(), 'refusing');
    },
    async rotateKeys() {
      server.child().process.kill('SIGHUP');
      await said(server.child(), 'rotated');
    },
    restart: () => server.restart(),
    freeze: server.freeze,
    bearer: { jwt: { issuer: server.url, audience, type: ['JWT'] } },
    stop: server.stop,
  };
}

async function said(server: Child | undefined, word: string): Promise<void> {
  const { until } = await import('../../support/until.ts');
  await until(word, () => server?.stdout.join('').includes(word) === true);
}

/** The server, with an address for its one person, and signals in place of a page of settings. */
const program = (port: number) => `import { OAuth2Server } from 'oauth2-mock-server';
const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(${port}, '127.0.0.1');
server.issuer.url = 'http://127.0.0.1:${port}';
let refuses = false;
server.service.on('beforeUserinfo', (answer) => {
  answer.body.email = 'johndoe@example.com';
});
server.service.on('beforeTokenSigning', ({ payload }) => {
  payload.aud ??= '${audience}';
});
server.service.on('beforeResponse', (answer, request) => {
  if (request.body.grant_type === 'authorization_code') refuses = false;
  if (!refuses) return;
  answer.statusCode = 400;
  answer.body = { error: 'invalid_grant' };
});
process.on('SIGUSR2', () => {
  refuses = true;
  console.log('refusing');
});
process.on('SIGHUP', async () => {
  await server.issuer.keys.generate('RS256');
  console.log('rotated');
});
`;
