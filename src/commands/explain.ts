import { type AccessRequest, type Decision, decide } from '../access/decide.ts';
import { isNavigation } from '../access/navigation.ts';
import type { Person } from '../access/subject.ts';
import { systemClock } from '../clock.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema/index.ts';
import { mask } from '../config/secrets.ts';
import { GatewayError } from '../errors.ts';
import type { HeaderFields } from '../listen/inbound.ts';
import { proxiedMethods } from '../listen/methods.ts';
import { putContext } from '../observe/trace.ts';
import { english } from '../pages/texts/languages.ts';
import { say } from '../pages/texts/text.ts';
import { compilePlan, type Plan } from '../plan/plan.ts';
import type { PlannedRoute } from '../plan/routes.ts';
import { Question as AskedRules } from '../request/decide.ts';
import { adviseOn } from '../routes/advice.ts';
import { resolveTarget } from '../routes/resolve.ts';
import type { Route } from '../routes/table.ts';
import { makeTarget, type RequestTarget } from '../routes/target.ts';
import { upstreamPath } from '../routes/upstream-path.ts';
import { type AskedPerson, personFor, readClaims } from './explain-person.ts';

export interface ExplainOptions {
  config?: string;
  /** A JSON file with the claims of somebody who is signed in. */
  as?: string;
  /** Those claims are of an access token that a client brings. */
  bearer?: boolean;
  /** The address of the client. */
  from: string;
  /** Headers of the request, such as `X-Requested-With: fetch`. */
  header?: readonly string[];
}

/** A request as it is asked about. */
interface Question extends AskedPerson {
  method: string;
  target: RequestTarget;
  address: string;
  /** Name, value, name, value. */
  rawHeaders: string[];
}

/**
 * `sallyport explain METHOD URL`: which route takes a request, which rule decides and how, and the headers that
 * the upstream would get, tokens masked. It uses the same table and functions as requests. Throws ConfigError, and
 * Error with a sentence for options that cannot be read.
 */
export function explain(method: string, url: string, options: ExplainOptions): string {
  // Judged as it is, and shown without what came from elsewhere.
  loadConfig({ file: options.config, env: process.env });
  const { config } = loadConfig({ file: options.config, env: process.env, masked: true });
  // The routes decide, and say which headers go along: that needs no key of a target.
  const plan = compilePlan(config, { read: () => '' });
  const { table, hosts, prefix } = plan.reader;
  const claims = options.as === undefined ? undefined : readClaims(options.as);
  const rawHeaders = (options.header ?? []).flatMap(readHeader);
  let target: RequestTarget | undefined;
  try {
    target = readTarget(url, config);
    hosts.originOf(target);
    const { bearer = false, from: address } = options;
    const question = { method: method.toUpperCase(), target, claims, bearer, address, rawHeaders };
    const resolution = resolveTarget(table, prefix, target, question.method);
    if (!proxiedMethods.includes(question.method)) throw new GatewayError('method_not_allowed');
    if (resolution.kind === 'endpoint') return `endpoint  ${resolution.path}: answered by the gateway itself`;
    return explainRoute(plan, resolution.route, question);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const why = [error.sentence, error.detail].flatMap((each) => (each ? say(english, each) : [])).join(' ');
    const settings = target && adviseOn(plan.ruled, target, method.toUpperCase())?.settings;
    const advice =
      settings && `\n          it passes with ${settings}, where the applications read paths like that`;
    return `refused   ${error.status} ${error.code}: ${why}${advice ?? ''}`;
  }
}

function readHeader(text: string): [name: string, value: string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new Error(`--header ${text}: a name, a colon and a value, such as 'Accept: text/html'`);
  }
  return [name, value];
}

/** A URL, or a path of the first public origin; byte for byte, since spelling is what may be asked about. */
function readTarget(url: string, { publicUrl }: Config): RequestTarget {
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (!absolute) return makeTarget(url, new URL(publicUrl[0] ?? '').host);
  const rest = absolute[2] ?? '';
  return makeTarget(rest.startsWith('/') ? rest : `/${rest}`, absolute[1] ?? '');
}

function explainRoute(plan: Plan, route: Route, question: Question): string {
  const { target } = question;
  const person = personFor(plan, route, question);
  const decision = explainDecision(route, question, person, plan.origins);
  const lines = [
    `route     ${route.label}${route.methods ? ` ${route.methods.join(',')}` : ''} -> ${route.upstream.targets.map(({ url }) => url).join(', ')}`,
    `allow     ${typeof route.allow === 'string' ? route.allow : JSON.stringify(route.allow)}`,
    ...(route.maintenance === false ? [] : ['now       503 maintenance, whoever asks; without it:']),
    ...decision.lines,
  ];
  if (!decision.isAllowed) return lines.join('\n');

  const path = upstreamPath(route, target.path) + target.query;
  if (path !== target.path + target.query) lines.push(`path      ${path}`);
  const headers = headersFor(plan, route, question, person);
  for (let at = 0; at < headers.length; at += 2) {
    const isPassword = route.basicAuth !== undefined && headers[at] === 'Authorization';
    lines.push(`header    ${headers[at]}: ${isPassword ? `Basic ${mask}` : headers[at + 1]}`);
  }
  return lines.join('\n');
}

/** The headers of the request upstream: name, value, name, value. */
function headersFor(
  { config, routes }: Plan,
  route: Route,
  { rawHeaders, address, target }: Question,
  person: ReturnType<typeof personFor>,
): string[] {
  const planned = routes[route.index] as PlannedRoute;
  const { ofRequest } = planned.compileHeaders(({ person: somebody }) => somebody && mask, systemClock);
  const scheme = config.publicUrl[0]?.startsWith('https:') ? 'https' : 'http';
  const sender = {
    address,
    trusted: false,
    via: undefined,
    vouchesFor: new Set<string>(),
    host: target.host,
  };
  const context = {
    requestId: mask,
    clientAddress: address,
    person,
    token: route.token && (person || route.token.clientCredentials) ? mask : undefined,
  };
  const request = { rawHeaders, headers: joined(rawHeaders) };
  const sent = ofRequest(request, { ...sender, scheme }, context, planned.targets[0]?.origin ?? '');
  if (config.tracing !== 'off') putContext(sent, mask, undefined);
  return sent;
}

/**
 * What is decided. A request without headers is taken for a browser that goes to a page, where it can be one; what
 * headers would change about that is said too.
 */
function explainDecision(
  route: Route,
  { method, address, rawHeaders }: Question,
  person: Person | undefined,
  origins: ReadonlySet<string>,
): { isAllowed: boolean; lines: string[] } {
  const headers = joined(rawHeaders);
  const sent = { method, request: { headers }, peer: { clientAddress: address } };
  const told = new AskedRules({ origins, now: systemClock.now }, sent, person, route);
  const { clientAddress, navigation, preflight, forgeable, fromElsewhere, now } = told;
  const asked = { person, clientAddress, navigation, preflight, forgeable, fromElsewhere, now };
  if (rawHeaders.length > 0) {
    const decision = decide(route, asked);
    const isRefused = decision.kind === 'deny' || decision.kind === 'login';
    const isListed = headers.origin !== undefined && route.cors?.includes(headers.origin);
    const more =
      isRefused && asked.preflight && isListed
        ? ['          the gateway answers this CORS preflight by itself: 204, since cors has its Origin']
        : [];
    return { isAllowed: decision.kind === 'allow', lines: [`decision  ${describe(decision)}`, ...more] };
  }
  const usual = { ...asked, navigation: isNavigation(method, { accept: 'text/html' }) };
  const decision = decide(route, usual);
  const variants: [when: string, request: AccessRequest][] = [
    ['no browser that goes to a page', { ...usual, navigation: false }],
    ['a CORS preflight', { ...usual, preflight: method === 'OPTIONS' }],
    ['with X-Requested-With', { ...usual, navigation: false, forgeable: false }],
  ];
  const others = new Map<string, string>();
  for (const [when, request] of variants) {
    const text = describe(decide(route, request));
    if (text !== describe(decision) && !others.has(text)) others.set(text, when);
  }
  const otherwise = [...others].map(([text, when]) => `          ${when}: ${text}`);
  return { isAllowed: decision.kind === 'allow', lines: [`decision  ${describe(decision)}`, ...otherwise] };
}

function describe(decision: Decision): string {
  return `${decision.kind}${decision.kind === 'deny' ? ` (${decision.code})` : ''}: ${decision.reason}`;
}

/** Headers by name, as Node gives them. */
function joined(rawHeaders: readonly string[]): HeaderFields {
  const headers: Record<string, string> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    const before = headers[name];
    headers[name] = before === undefined ? (rawHeaders[at + 1] ?? '') : `${before}, ${rawHeaders[at + 1]}`;
  }
  return headers;
}
