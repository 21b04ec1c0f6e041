import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

/**
 * For the configuration files of programs that cannot be run here: each test has a strict schema of the keys that
 * the program's documentation lists, so that a misspelt or misplaced key fails.
 */

/** The documents of a file of config/forward-auth. Throws on YAML that is malformed or has a key twice. */
export function documentsOf(name: string): unknown[] {
  const text = readFileSync(new URL(`../../../config/forward-auth/${name}`, import.meta.url), 'utf8');
  return parseAllDocuments(text, { uniqueKeys: true, strict: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    return document.toJS() as unknown;
  });
}

/** Everything of a request that Sallyport's decision may depend on. */
export const readBySallyport = [
  'accept',
  'access-control-request-method',
  'cookie',
  'dpop',
  'origin',
  'purpose',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-purpose',
  'sec-websocket-key',
  'sec-websocket-version',
  'x-requested-with',
];

/** What Sallyport tells the application, unless it is configured otherwise. */
export const saidBySallyport = [
  'authorization',
  'x-forwarded-email',
  'x-forwarded-groups',
  'x-forwarded-preferred-username',
  'x-forwarded-user',
];

/** What names the original request; a client's own must not be read for it. */
export const namesOfRequests = [
  'x-forwarded-host',
  'x-forwarded-method',
  'x-forwarded-uri',
  'x-original-method',
  'x-original-url',
];

/** Names in one case and order, to be compared. */
export const sorted = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase()).sort();

/** A name with "-", and with "_" in any of its places. */
export const twins = (name: string): string[] =>
  [...name].reduce<string[]>(
    (spellings, letter) =>
      spellings.flatMap((text) => (letter === '-' ? [`${text}-`, `${text}_`] : [text + letter])),
    [''],
  );
