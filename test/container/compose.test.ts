import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { onlyProvider } from '../support/gateway-config.ts';

const folder = fileURLToPath(new URL('../../../config/compose/', import.meta.url));

interface Service {
  image?: string;
  build?: string;
  ports?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  read_only?: boolean;
  cap_drop?: string[];
}

const examples = ['keycloak', 'your-app'].map((name) => {
  const file = join(folder, name, 'compose.yaml');
  const { services } = parse(readFileSync(file, 'utf8')) as { services: Record<string, Service> };
  return { name, file, services };
});

/** What a person would set; the rest of the environment comes from the compose file. */
const settings: Record<string, string> = {
  APP_IMAGE: 'registry.example.com/legacy-app:1.4',
  PUBLIC_URL: 'https://app.example.com',
  OIDC_ISSUER: 'https://id.example.com',
  OIDC_CLIENT_ID: 'legacy-app',
  OIDC_CLIENT_SECRET: 'a secret',
  SALLYPORT_SESSION_SECRET: randomBytes(32).toString('base64'),
};

/** Compose's `${NAME:?message}`: the value, or the message when there is none. */
function interpolated(text: string): string {
  return text.replace(/\$\{(\w+):\?([^}]+)\}/g, (_, name: string) => {
    const value = settings[name];
    if (value === undefined) throw new Error(`${name} is unknown to this test`);
    return value;
  });
}

function environmentOf({ environment = {} }: Service): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).map(([name, text]) => [name, interpolated(text)]));
}

/** The files of this machine that a service mounts, by their place in the container. */
function mountsOf(service: Service, composeFile: string): Map<string, string> {
  return new Map(
    (service.volumes ?? []).map((volume) => {
      const [source = '', target = '', mode] = volume.split(':');
      if (mode !== 'ro') throw new Error(`${volume} can be written to`);
      return [target, join(dirname(composeFile), source)];
    }),
  );
}

/** Reads the configuration that the gateway of an example mounts, as the container would. */
function gatewayConfig({ file, services }: (typeof examples)[number]) {
  const gateway = services.gateway ?? {};
  const mounted = mountsOf(gateway, file).get('/etc/sallyport/sallyport.yaml') ?? '';
  const env = { SALLYPORT_LISTEN: '0.0.0.0:4180', ...environmentOf(gateway) };
  return parseConfig(readFileSync(mounted, 'utf8'), { file: mounted, env });
}

for (const example of examples) {
  test(`compose/${example.name}: the gateway's configuration is valid in its container`, async (t) => {
    const { config } = gatewayConfig(example);
    t.same(config.listen[0]?.address, { host: '0.0.0.0', port: 4180 }, 'published ports reach it');
    const upstream = new URL(config.upstream ?? '').hostname;
    t.ok(example.services[upstream], `${upstream} is a service`);
    t.notOk(example.services[upstream]?.ports, 'and only the gateway reaches it');
  });

  test(`compose/${example.name}: images are pinned, and ports open on this machine only`, async (t) => {
    for (const [name, service] of Object.entries(example.services)) {
      if (service.build === undefined) t.match(interpolated(service.image ?? ''), /:v?\d+\.\d+/, name);
      else t.ok(existsSync(join(dirname(example.file), service.build, 'Dockerfile')), name);
      for (const port of service.ports ?? []) t.match(port, /^127\.0\.0\.1:\d+:\d+$/, name);
      for (const [, source] of mountsOf(service, example.file)) t.ok(existsSync(source), source);
    }
  });

  test(`compose/${example.name}: the gateway can write nowhere and has no privileges`, async (t) => {
    t.equal(example.services.gateway?.read_only, true);
    t.same(example.services.gateway?.cap_drop, ['ALL']);
  });
}

test('compose/keycloak: browser and gateway each get addresses that they can reach', async (t) => {
  const [example] = examples;
  const keycloak = example?.services.keycloak;
  if (!example || !keycloak) throw new Error('no Keycloak');
  const provider = onlyProvider(gatewayConfig(example).config);
  const publicOrigin = keycloak.environment?.KC_HOSTNAME;
  const [, published, inside] = keycloak.ports?.[0]?.split(':') ?? [];
  t.equal(publicOrigin, `http://localhost:${published}`);
  t.equal(keycloak.environment?.KC_HOSTNAME_BACKCHANNEL_DYNAMIC, 'true');
  for (const url of [provider.issuer, provider.authorizationEndpoint, provider.endSessionEndpoint]) {
    t.equal(new URL(url ?? '').origin, publicOrigin, 'for the browser');
  }
  for (const url of [provider.tokenEndpoint, provider.userinfoEndpoint, provider.jwksUri]) {
    t.equal(new URL(url ?? '').origin, `http://keycloak:${inside}`, 'for the gateway');
  }
});

test('compose/keycloak: the realm knows the client as the gateway presents itself', async (t) => {
  const [example] = examples;
  if (!example) throw new Error('no example');
  const { config } = gatewayConfig(example);
  const realm = JSON.parse(readFileSync(join(folder, 'keycloak/realm.json'), 'utf8'));
  const [client] = realm.clients;
  t.ok(onlyProvider(config).issuer.endsWith(`/realms/${realm.realm}`));
  t.equal(client.clientId, onlyProvider(config).clientId);
  t.equal(client.secret, onlyProvider(config).clientSecret);
  t.same(client.redirectUris, [`${config.publicUrl[0]}${config.endpoints.prefix}/callback`]);
  t.equal(client.protocolMappers[0].config['claim.name'], onlyProvider(config).claims.groups);
});
