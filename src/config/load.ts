import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import { withAccess } from '../access/decide.ts';
import { isLoopback } from '../identity/provider/loopback.ts';
import { findClashes } from '../routes/clashes.ts';
import { findInconsistencies } from './consistency.ts';
import { defaultHeaders } from './default-headers.ts';
import { applyEnvironment } from './environment.ts';
import { explainIssue } from './explain-issue.ts';
import { interpolate } from './interpolate.ts';
import { configJsonSchema } from './json-schema.ts';
import { layPresets } from './presets/lay.ts';
import { ConfigError, type ConfigPath, type Problem } from './problems.ts';
import { withProfile } from './profile.ts';
import { withIssuer } from './provider-kind.ts';
import { type Config, configSchema, type ProviderConfig } from './schema/index.ts';
import { routeSchema } from './schema/routes.ts';
import { isTemplatePath, mask, secretsOf } from './secrets.ts';

export interface LoadedConfig {
  config: Config;
  /** Sentences about what is allowed yet probably not meant. */
  warnings: string[];
  /** The file that was read; undefined when the environment alone was used. */
  file: string | undefined;
}

export interface LoadOptions {
  file?: string | undefined;
  env: NodeJS.ProcessEnv;
  /** What `${}` puts into header and basicAuth templates is `***`: for a configuration that is shown. */
  masked?: boolean | undefined;
}

const standardFiles = ['./sallyport.yaml', '/etc/sallyport/sallyport.yaml'];

/**
 * Finds, reads and validates the configuration: the named file, else `SALLYPORT_CONFIG`, else the standard
 * places, else the environment alone. Throws ConfigError with every problem at once.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { env, masked } = options;
  const file =
    options.file ?? (options.env.SALLYPORT_CONFIG || standardFiles.find((path) => existsSync(path)));
  if (file === undefined) return parseConfig('', { file: undefined, env, masked });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    const message = `the configuration file cannot be read (${reason}). Looked at ${resolve(file)}.`;
    throw new ConfigError([{ path: [], source: file, message }]);
  }
  return parseConfig(text, { file, env, masked });
}

/** Validates a configuration given as YAML or JSON text. Throws ConfigError with every problem at once. */
export function parseConfig(text: string, { file, env, masked = false }: LoadOptions): LoadedConfig {
  const source = file ?? 'environment';
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => ({
        path: [],
        source: `${source}:${lines.linePos(error.pos[0]).line}`,
        message: yamlProblem(error),
      })),
    );
  }

  const schema = configJsonSchema();
  const problems: Problem[] = [];
  const parsed = readDocument(document, source) ?? {};
  const circle = findCircle(parsed);
  if (circle) {
    const message = 'this contains itself, by an alias of YAML.';
    throw new ConfigError([
      { path: circle, source: `${source}:${lineOf(document, lines, circle, false)}`, message },
    ]);
  }
  const instead = (path: ConfigPath) => (masked && isTemplatePath(path) ? mask : undefined);
  const { document: written, failures, filled } = interpolate(parsed, env, instead);
  const { document: given, origins, warnings } = applyEnvironment(written, env, schema, problems);
  const { document: value, problems: presetProblems } = layPresets(given);
  const sourceOf = (path: ConfigPath, aboutKey = false) =>
    origins.get(path.join('.')) ??
    `${source}${file === undefined ? '' : `:${lineOf(document, lines, path, aboutKey)}`}`;

  for (const { path, message } of failures) {
    if (!origins.has(path.join('.'))) problems.push({ path, source: sourceOf(path), message });
  }
  const result = configSchema.safeParse(value);
  const explained = result.success
    ? []
    : result.error.issues.flatMap((issue) => explainIssue(issue, schema, value));
  const hidden = new Set(filled.flatMap(({ path }) => (isTemplatePath(path) ? [path.join('.')] : [])));
  const unresolved = new Set(failures.map(({ path }) => path.join('.')));
  for (const { path, message, aboutKey } of [
    ...explained,
    ...[...presetProblems, ...findInconsistencies(value)].map((found) => ({ ...found, aboutKey: false })),
  ]) {
    // A value that could not be filled in is wrong for that reason alone.
    if (unresolved.has(path.join('.')) && !origins.has(path.join('.'))) continue;
    const shown = hidden.has(path.join('.')) ? hiddenProblem : message;
    problems.push({ path, source: sourceOf(path, aboutKey), message: shown });
  }
  if (problems.length > 0 || !result.success) throw new ConfigError(inFileOrder(problems));
  const { upstream } = result.data;
  const shorthand = upstream === undefined ? [] : [routeSchema.parse({ upstream })];
  const { provider, providers: named, session, ...rest } = result.data;
  const providers = Object.fromEntries(
    Object.entries({ ...(provider && { default: provider }), ...named }).map(([name, each]) => [
      name,
      withProfile(withIssuer(each)),
    ]),
  );
  const hasLogin = Object.keys(providers).length > 0;
  const routes = [...result.data.routes, ...shorthand].map((route) =>
    // Where there is no login, nobody can be sent to it.
    hasLogin || route.unauthenticated === 'pass' ? route : { ...route, unauthenticated: '401' as const },
  );
  // Where nobody signs in, nothing that is sealed has to be opened again.
  const { secret = [randomBytes(32)] } = session;
  const secrets = secretsOf(given, schema, filled);
  const config = { ...rest, routes, providers, session: { ...session, secret }, defaultHeaders, secrets };
  const clashes = findClashes(withAccess(config)).map(({ index, message }) => {
    const path = ['routes', index, 'path'];
    return { path, source: sourceOf(path), message };
  });
  if (clashes.length > 0) throw new ConfigError(inFileOrder(clashes));
  return { config, warnings: [...warnings, ...questionable(config)], file };
}

/** What is wrong would quote the value. */
const hiddenProblem =
  'expected a template; what ${…} put into it is not one, and is not shown. Write {{ and }} for braces.';

function readDocument(document: Document, source: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigError([{ path: [], source, message: yamlProblem(error as Error) }]);
  }
}

/** The path of a value that stands inside itself, which YAML's aliases allow and nothing here can read. */
function findCircle(
  value: unknown,
  path: ConfigPath = [],
  around: readonly unknown[] = [],
): ConfigPath | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (around.includes(value)) return path;
  for (const [key, below] of Object.entries(value)) {
    const found = findCircle(below, [...path, Array.isArray(value) ? Number(key) : key], [...around, value]);
    if (found) return found;
  }
  return undefined;
}

/** Behind its colon, a message of the parser repeats what it stumbled over: that may be a secret without quotes. */
function yamlProblem({ message }: Error): string {
  return `this is not valid YAML: ${message.replace(/\s+/g, ' ').replace(/: .*$/, '')}.`;
}

/** The line of the value at a path, or of its key, or of the nearest thing around it that the file has. */
function lineOf(document: Document, lines: LineCounter, path: ConfigPath, aboutKey: boolean): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key)
      : undefined;
    const node = document.getIn(path.slice(0, length), true);
    const keyNode = pair && isNode(pair.key) ? pair.key : undefined;
    const place = aboutKey || !isNode(node) || length < path.length ? (keyNode ?? node) : node;
    if (isNode(place) && place.range) return lines.linePos(place.range[0]).line;
  }
  return 1;
}

function inFileOrder(problems: readonly Problem[]): Problem[] {
  const line = ({ source }: Problem) => Number(/:(\d+)$/.exec(source)?.[1] ?? 0);
  const unique = new Map(
    problems.map((problem) => [`${problem.path.join('.')} ${problem.message}`, problem]),
  );
  return [...unique.values()].sort((a, b) => line(a) - line(b));
}

/** What weakens the defaults, or cannot work as it is, is said at every start. */
function questionable(config: Config): string[] {
  const warnings: string[] = [];
  for (const [name, provider] of Object.entries(config.providers))
    warnings.push(...questionableProvider(name, provider));
  for (const [index, { insecureHttp }] of config.bearer.entries()) {
    if (insecureHttp)
      warnings.push(
        `insecureHttp of bearer[${index}] is on: who can read or change that traffic can make tokens`,
      );
  }
  for (const origin of config.publicUrl) {
    const url = new URL(origin);
    if (url.protocol === 'http:' && !isLoopback(url)) {
      warnings.push(`publicUrl ${origin} is plain http: session cookies travel unprotected`);
    }
  }
  const hosts = config.publicUrl.map((origin) => new URL(origin).hostname);
  for (const { path, tls } of config.routes) {
    if (tls?.insecureSkipVerify) {
      warnings.push(
        `insecureSkipVerify is on for ${path}: who is on the path can read and change everything`,
      );
    }
  }
  for (const { host, allow } of config.routes) {
    const isPersonal = allow !== 'public' && Object.keys(config.providers).length > 0;
    if (host !== undefined && isPersonal && !hosts.includes(host.replace(/^\*\./, ''))) {
      warnings.push(
        `the route of ${host} asks for a session, and ${host} is not in publicUrl: nobody can sign in there`,
      );
    }
  }
  return warnings;
}

function questionableProvider(name: string, provider: ProviderConfig): string[] {
  const warnings: string[] = [];
  const warn = (key: string, sentence: string) =>
    warnings.push(`${key} of provider ${name} is on: ${sentence}`);
  if (provider.insecureHttp) {
    warn('insecureHttp', 'who can read or change that traffic can sign in as anybody');
  }
  if (!provider.pkce) {
    warnings.push(`pkce of provider ${name} is off: who gets hold of a code can use it`);
  }
  if (provider.insecureUnverifiedEmail) {
    warn('insecureUnverifiedEmail', 'rules on emails count addresses that nobody verified');
  }
  if (provider.insecureAnyTenant) {
    warn('insecureAnyTenant', 'whoever opens a tenant of that provider can sign in');
  }
  return warnings;
}
