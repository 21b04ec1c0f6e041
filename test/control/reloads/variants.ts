import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';

/** The addresses that the files of a run name. */
export interface Places {
  /** `host:port` of the gateway. */
  listen: string;
  /** A port that is free, for a second listener. */
  spare: string;
  /** A port that another program holds. */
  taken: string;
  /** The socket of the admin endpoints. */
  admin: string;
  /** Two addresses of the application. */
  targets: readonly [string, string];
  provider: { issuer: string; clientId: string; clientSecret: string | undefined };
  workers: number;
}

/** A file of a run. */
export interface Variant {
  text: string;
  /** What the log has to name when the file does not hold; undefined for one that does. */
  broken: RegExp | undefined;
}

type Document = Record<string, unknown> & { routes: Record<string, unknown>[] };
type Change = (document: Document, number: number, places: Places) => void;

/** The header by which the application learns which file a request went by. */
export const numberHeader = 'x-number';
/** How many secrets of before still open sessions. */
const keptSecrets = 8;

/** What changes from one file to the next, beside its number. */
const changes: readonly Change[] = [
  () => undefined,
  ({ routes }, _number, { targets }) =>
    void routes.push({ path: '/more', upstream: targets[0], allow: 'signed-in' }),
  (document) => Object.assign(document.headers as object, { 'X-User-Agent': null, 'X-Other': '{user}' }),
  (document, number) => {
    document.limits = { bodySilence: `${30 + (number % 60)}s`, keepAlive: `${70 + (number % 5)}s` };
  },
  (document, number) => Object.assign(document.provider as object, { timeout: `${5 + (number % 50)}s` }),
  // Rotates the secrets: secretsOf has done it.
  () => undefined,
  ({ routes: [route] }, _number, { targets }) => Object.assign(route ?? {}, { upstream: [...targets] }),
  ({ routes: [route] }, _number, { targets }) => Object.assign(route ?? {}, { upstream: targets[1] }),
  (document) => {
    document.logging = { level: 'debug' };
  },
  (document, number) => {
    document.bearer = [{ issuer: `http://127.0.0.1:9/${number}`, audience: 'api' }];
  },
  ({ routes: [route] }) => Object.assign(route ?? {}, { csrf: 'header', noStore: undefined }),
  (document, _number, { listen, spare }) => {
    document.listen = [listen, spare];
  },
  ({ routes }, _number, { targets }) =>
    void routes.push({ path: '/gone', upstream: targets[1], timeout: { connect: '3s' }, allow: 'public' }),
];
/** The place of the rotation among them. */
const rotation = 5;

/** What makes a file unusable, and what its refusal has to name. */
const faults: readonly [Change, RegExp][] = [
  [(document) => Object.assign(document, { rotues: [] }), /rotues/],
  [(document) => Object.assign(document, { limits: { keepAlive: 'never' } }), /limits\.keepAlive/],
  [
    ({ routes: [route] }) => Object.assign(route ?? {}, { upstream: 'ftp://nowhere' }),
    /routes\[0\]\.upstream/,
  ],
  [
    (document) => Object.assign(document.provider as object, { ca: '/no/such/ca.pem' }),
    /\/no\/such\/ca\.pem/,
  ],
  [
    (document) => Object.assign(document.headers as object, { 'X-File': '${file:/no/such/secret}' }),
    /\/no\/such\/secret/,
  ],
  [
    (document, _number, { listen, taken }) => Object.assign(document, { listen: [listen, taken] }),
    /EADDRINUSE/,
  ],
  [(document) => Object.assign(document.session as object, { secret: ['short'] }), /session\.secret/],
];

/** Gives the files of a run, one after the other: each tenth does not hold. */
export function createVariants(places: Places): (number: number) => Variant {
  let secrets = [newSecret()];
  let brokenSoFar = 0;
  return (number) => {
    const isBroken = number % 10 === 0 && number > 0;
    if (number % changes.length === rotation && !isBroken)
      secrets = [newSecret(), ...secrets].slice(0, keptSecrets);
    const document = baseOf(places, secrets, number);
    if (!isBroken) {
      changes[number % changes.length]?.(document, number, places);
      return { text: stringify(document), broken: undefined };
    }
    const fault = faults[brokenSoFar % (faults.length + 1)];
    brokenSoFar += 1;
    // Among them a file that ends in the middle of a line.
    if (!fault)
      return { text: `${stringify(document).slice(0, -20)}\nroutes: [`, broken: /sallyport\.yaml:\d+/ };
    const [change, broken] = fault;
    change(document, number, places);
    return { text: stringify(document), broken };
  };
}

const newSecret = () => randomBytes(32).toString('base64');

function baseOf(places: Places, secrets: readonly string[], number: number): Document {
  const { listen, admin, targets, provider, workers } = places;
  const { issuer, clientId, clientSecret } = provider;
  return {
    publicUrl: `http://${listen}`,
    listen,
    admin: { listen: `unix:${admin}` },
    workers,
    provider: { issuer, clientId, clientSecret, scopes: ['openid', 'profile', 'email', 'groups'] },
    session: { secret: [...secrets] },
    headers: { [numberHeader]: String(number) },
    routes: [{ path: '/', upstream: targets[0], allow: 'signed-in' }],
  };
}
