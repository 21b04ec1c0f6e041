import { connect } from 'node:net';
import { withAccess } from '../access/decide.ts';
import { systemClock } from '../clock.ts';
import { loadConfig } from '../config/load.ts';
import type { BearerConfig, Config, ProviderConfig } from '../config/schema/index.ts';
import { withUsualAuthorities } from '../egress/authorities.ts';
import { openProxyTunnel } from '../egress/open-tunnel.ts';
import { type ForwardProxy, parseProxy } from '../egress/proxy.ts';
import { compileWay, type EgressRules } from '../egress/rules.ts';
import type { ReadFile } from '../files.ts';
import { reachIssuer } from '../identity/bearer/reach.ts';
import { watchDate } from '../identity/provider/date-watch.ts';
import { createProviderHttp } from '../identity/provider/http.ts';
import { fetchMetadata } from '../identity/provider/metadata.ts';
import { readAssertion } from '../identity/provider/platform-assertion.ts';
import { readPrivateKey } from '../identity/provider/private-key.ts';
import { unknownScopes } from '../identity/provider/support.ts';
import { refreshReach } from '../identity/upstream-token/target.ts';
import { createKnownSecrets } from '../observe/known-secrets.ts';
import { describeError } from '../observe/scrub.ts';
import { compilePlan, readRedisCa } from '../plan/plan.ts';
import { adviseOnRoutes } from '../routes/advice.ts';
import { connectRedis } from '../session/shared/redis-client.ts';
import { checkCertificates } from './check-certificates.ts';
import { auditFileOf, collectorsOf, tryAuditFile } from './check-outputs.ts';

interface Finding extends Noted {
  subject: string;
  /** Undefined when it holds; else what is wrong. */
  problem: string | undefined;
}

/** What is told of what was asked, though it holds. */
interface Noted {
  /** What is worth a look, and may be as it should be. */
  notes?: readonly string[];
  /** Which way it was asked, where there is more than one. */
  way?: string | undefined;
}

const connectTimeoutMs = 5000;

const labels = { ok: 'ok    ', note: 'note  ', fail: 'FAIL  ' } as const;

/**
 * `sallyport check`: validates the configuration and tries what it names: the provider, each upstream, the
 * certificates. Prints a table; gives the exit code, 1 if anything fails. Rejects with ConfigError.
 */
export async function check(options: { config?: string; offline?: boolean }): Promise<number> {
  const { config, warnings, file, files } = loadConfig({ file: options.config, env: process.env });
  const secrets = createKnownSecrets();
  secrets.keep(config.secrets);
  const findings: Finding[] = [
    { subject: `configuration ${file ?? 'from the environment'}`, problem: undefined },
  ];
  for (const [name, provider] of Object.entries(config.providers)) {
    if (provider.privateKey)
      findings.push(await attempt(`private key of provider ${name}`, readKey(provider, files.read)));
    if (provider.clientAssertionFile) {
      const { file: assertion } = provider.clientAssertionFile;
      findings.push(await attempt(`client assertion of provider ${name}`, tryAssertion(assertion)));
    }
  }
  const certificates = checkCertificates(config, files.read, systemClock.now());
  const isListenerGood = !certificates.some(({ level, key }) => level === 'fail' && key.startsWith('listen'));
  const planned = await attempt('files that routes name', planRoutes(config));
  const isSaid = !isListenerGood || findings.some(({ problem }) => problem !== undefined);
  if (!isSaid && planned.problem !== undefined) findings.push(planned);
  const audit = auditFileOf(config);
  if (audit !== undefined) findings.push(await attempt(`audit ${audit}`, tryAuditFile(audit)));
  if (!options.offline) {
    findings.push(
      ...(await Promise.all([
        ...Object.entries(config.providers).map(([name, provider]) => {
          const scopes = [...provider.scopes, ...refreshReach(config.routes, name).scopes];
          return attempt(`provider ${provider.issuer}`, findProvider(provider, scopes, files.read));
        }),
        ...config.bearer.map((entry) =>
          attempt(
            `access tokens of ${entry.introspectionEndpoint ?? entry.issuer}`,
            tryBearer(entry, files.read),
          ),
        ),
        ...redisOf(config).map((url) => attempt('Redis', reachRedis(config, url))),
        ...collectorsOf(config).map((url) => attempt(`traces to ${url}`, reach(url))),
        ...upstreamsOf(config).map(({ url, proxy }) => attempt(`upstream ${url}`, reachUpstream(url, proxy))),
      ])),
    );
  }
  for (const warning of warnings) console.log(`  note   ${warning}`);
  for (const { path, reason, settings } of adviseOnRoutes(withAccess(config))) {
    console.log(
      `  note   ${path} is refused: ${reason} It passes with ${settings}, where the applications read so.`,
    );
  }
  for (const { level, subject, reason } of certificates) {
    const sentence = secrets.hide(reason === undefined ? subject : `${subject}: ${reason}`);
    console.log(`  ${labels[level]} ${sentence}`);
  }
  for (const { subject, problem, notes = [], way = '' } of findings) {
    console.log(
      problem === undefined ? `  ok     ${subject}${way}` : `  FAIL   ${subject}: ${secrets.hide(problem)}`,
    );
    for (const note of notes) console.log(`  note   ${subject}: ${secrets.hide(note)}`);
  }
  const isCertificateBad = certificates.some(({ level }) => level === 'fail');
  return isCertificateBad || findings.some(({ problem }) => problem !== undefined) ? 1 : 0;
}

/** Makes a trial; what it gives is told beside its success. */
async function attempt(subject: string, trial: Promise<Noted> | Promise<void>): Promise<Finding> {
  try {
    return { subject, problem: undefined, ...(await trial) };
  } catch (error) {
    return { subject, problem: describeError(error) };
  }
}

async function planRoutes(config: Config): Promise<void> {
  compilePlan(config);
}

async function readKey(provider: ProviderConfig, read: ReadFile): Promise<void> {
  readPrivateKey(provider, read);
}

async function tryAssertion(file: string): Promise<void> {
  await readAssertion(file);
}

async function findProvider(
  provider: ProviderConfig,
  scopes: readonly string[],
  read: ReadFile,
): Promise<Noted> {
  const http = createProviderHttp(provider, read);
  const watched = watchDate(http.fetch, systemClock);
  try {
    const { metadata, unsupported } = await fetchMetadata(provider, { ...http, fetch: watched.fetch });
    const wrong = [...unsupported, ...watched.differences()];
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    // Of addresses that were given by hand nothing was asked yet. Browsers alone need the others, and may be elsewhere.
    const asked = [
      metadata.token_endpoint,
      metadata.userinfo_endpoint,
      metadata.jwks_uri,
      metadata.introspection_endpoint,
      metadata.revocation_endpoint,
      metadata.pushed_authorization_request_endpoint,
    ];
    const origins = new Set(asked.flatMap((url) => (url === undefined ? [] : [new URL(url).origin])));
    const wayTo = compileWay(provider.egress);
    const ca = provider.ca === undefined ? undefined : withUsualAuthorities(read(provider.ca));
    for (const origin of origins) await reach(origin, wayTo(new URL(origin)), ca);
    const { origin } = new URL(provider.metadataUrl ?? provider.issuer);
    return { notes: unknownScopes(metadata, scopes), way: waysTo([origin, ...origins], provider.egress) };
  } finally {
    await http.close();
  }
}

async function tryBearer(entry: BearerConfig, read: ReadFile): Promise<Noted> {
  const http = createProviderHttp(entry, read);
  try {
    await reachIssuer(entry, http, systemClock);
    const asked = entry.introspectionEndpoint ?? entry.jwksUri ?? entry.issuer ?? '';
    return { way: waysTo([new URL(asked).origin], entry.egress) };
  } finally {
    await http.close();
  }
}

function redisOf({ session: { store, redis } }: Config): string[] {
  const url = store.kind === 'redis' ? store.url : redis.url;
  return url === undefined ? [] : [url];
}

async function reachRedis(config: Config, url: string): Promise<void> {
  const client = connectRedis({ url, ca: readRedisCa(config), timeout: connectTimeoutMs });
  try {
    await new Promise((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', reject);
      client.once('close', () => reject(new Error('the connection was closed')));
    });
    await client.ping();
  } finally {
    client.disconnect();
  }
}

/** Every target, by each way that routes have to it. */
function upstreamsOf(config: Config): { url: string; proxy: string | undefined }[] {
  const ways = config.routes.flatMap(({ upstream, proxy }) =>
    upstream.targets.map(({ url }) => [JSON.stringify([url, proxy]), { url, proxy }] as const),
  );
  return [...new Map(ways).values()];
}

async function reachUpstream(url: string, through: string | undefined): Promise<Noted> {
  const proxy = through === undefined ? undefined : parseProxy(through);
  await reach(url, proxy);
  return { way: proxy && wayName(proxy) };
}

const wayName = (proxy: ForwardProxy | undefined) => (proxy ? `, by the proxy ${proxy.name}` : ', directly');

/** Which way each origin is asked, in words; nothing where no proxy is known. */
function waysTo(origins: readonly string[], egress: EgressRules): string {
  if (Object.values(egress).every((value) => value === undefined)) return '';
  const wayTo = compileWay(egress);
  const [first = '', ...others] = [...new Set(origins)].map((origin) => wayName(wayTo(new URL(origin))));
  if (others.every((way) => way === first)) return first;
  const each = [...new Set(origins)].map((origin) => `${origin}${wayName(wayTo(new URL(origin)))}`);
  return ` (${each.join('; ')})`;
}

/** @param ca what the certificate of an https proxy is checked against, if not the usual authorities */
function reach(upstream: string, proxy?: ForwardProxy, ca?: string[]): Promise<void> {
  if (proxy) return reachThrough(upstream, proxy, ca);
  return new Promise((resolve, reject) => {
    const socket = connect(placeOf(upstream));
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('no connection within five seconds')));
    socket.on('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}

function reachThrough(upstream: string, proxy: ForwardProxy, ca: string[] | undefined): Promise<void> {
  const { hostname, port, protocol } = new URL(upstream);
  const place = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
  return new Promise((resolve, reject) => {
    openProxyTunnel(proxy, place, { timeout: connectTimeoutMs, ca }, (error, socket) => {
      socket?.on('error', () => {}).destroy();
      if (error) reject(error);
      else resolve();
    });
  });
}

function placeOf(upstream: string): { path: string } | { host: string; port: number } {
  if (upstream.startsWith('unix:')) return { path: upstream.slice('unix:'.length) };
  const { hostname, port, protocol } = new URL(upstream);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
  };
}
