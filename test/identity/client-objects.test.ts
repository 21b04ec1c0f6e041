import { test } from 'tap';
import { parseConfig } from '../../src/config/load.ts';
import type { ProviderFetch } from '../../src/identity/provider/http.ts';
import { createProviderLibrary } from '../../src/identity/provider/provider-library.ts';
import { createWoundClock } from '../support/clock.ts';
import { onlyProvider } from '../support/gateway-config.ts';

const fetchAs =
  (asked: string[], who: string): ProviderFetch =>
  async (url) => {
    asked.push(`${who} ${url}`);
    return Response.json({ active: true });
  };

function libraryOf(issuer: string, more: Record<string, unknown> = {}, fetch = fetchAs([], issuer)) {
  const { config } = parseConfig(
    JSON.stringify({
      publicUrl: 'http://127.0.0.1:1',
      provider: { issuer, clientId: 'gate', clientSecret: 'secret', ...more },
      session: { secret: Buffer.alloc(32, 1).toString('base64') },
      routes: [{ path: '/', upstream: 'http://127.0.0.1:3' }],
    }),
    { file: 'sallyport.yaml', env: {} },
  );
  const metadata = {
    issuer,
    token_endpoint: `${issuer}/token`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
  };
  return createProviderLibrary(onlyProvider(config), metadata, {
    http: { fetch },
    signingKey: undefined,
    clock: createWoundClock(),
    verifyUserinfo: async () => ({}),
    onRejected: () => {},
    onAccepted: () => {},
  });
}

test('calls share a client object only where everything about them is the same', async (t) => {
  const issuer = 'http://127.0.0.1:2';
  const library = libraryOf(issuer, { timeout: '7s' });
  const { client } = library;
  t.equal(client(), client());
  t.equal(client().timeout, 7);
  t.equal(client({ timeout: 2000 }), client({ timeout: 2000 }));
  t.equal(client({ timeout: 2000 }).timeout, 2);
  t.equal(client().timeout, 7, 'the other is as it was');
  const asks = ['introspection_endpoint', 'revocation_endpoint'] as const;
  const different = [client(), client({ timeout: 2000 }), ...asks.map((each) => client({ asks: each }))];
  t.equal(new Set(different).size, 4);
  const own = [
    { of: { issuer, fetch: fetchAs([], 'of') } },
    { as: { clientId: 'gate', clientSecret: 'other' } },
    { fetch: fetchAs([], 'own') },
  ];
  for (const choice of own) {
    t.not(client(choice), client(choice), Object.keys(choice).join());
    t.notOk(different.includes(client(choice)));
  }
  t.equal(client({ as: own[1]?.as }).clientMetadata().client_id, 'gate');
});

test('two providers share none, be they set alike', async (t) => {
  const [one, two] = [libraryOf('http://127.0.0.1:2'), libraryOf('http://127.0.0.1:2', { timeout: '1s' })];
  t.not(one.client(), two.client());
  t.not(one.client().timeout, two.client().timeout);
  const other = libraryOf('http://127.0.0.1:4');
  t.equal(other.client().serverMetadata().issuer, 'http://127.0.0.1:4');
});

test('what the library cannot be set up with is said when a provider is found, not at its first login', async (t) => {
  t.throws(() => libraryOf('http://127.0.0.1:2', { clientAuth: 'private_key_jwt' }), /privateKey/);
});
