import { isMap, valueAt } from '../document.ts';
import type { ReadConfig } from '../normalise.ts';
import type { ConfigPath } from '../problems.ts';
import type { Partly } from '../salvage.ts';
import type { Subject } from './check.ts';

/** A value as far as it is valid, and what the document has in its place. */
interface Part<T> extends Subject {
  value: Partly<T>;
  /** Whether the document has something at this key below, right or wrong; a default does not count. */
  has: (...key: ConfigPath) => boolean;
  /** The keys that the document has at this key below, right or wrong. */
  keys: (...key: ConfigPath) => readonly string[];
}

export interface Whole extends Part<ReadConfig> {
  document: unknown;
  /** Whether all that stands at this key is valid. */
  isValid: (key: string) => boolean;
}

/** One provider, with the whole configuration around it. */
export interface Provider extends Part<NonNullable<ReadConfig['provider']>> {
  /** As routes name it. */
  name: string;
  whole: Whole;
}

export interface Route extends Part<ReadConfig['routes'][number]> {
  index: number;
  whole: Whole;
}

export interface BearerEntry extends Part<ReadConfig['bearer'][number]> {
  index: number;
  whole: Whole;
}

export function partAt<T>(document: unknown, at: ConfigPath, value: Partly<T>): Part<T> {
  const below = (key: ConfigPath) => valueAt(document, [...at, ...key]);
  return {
    at,
    value,
    has: (...key) => below(key) !== undefined,
    keys(...key) {
      const map = below(key);
      return isMap(map) ? Object.keys(map) : [];
    },
  };
}

/** Those of `providers`, then `provider`. */
export function providers(whole: Whole): Provider[] {
  const { provider, providers: named = {} } = whole.value;
  const found = Object.entries(named).map(([name, value]) => ({ name, at: ['providers', name], value }));
  if (provider) found.push({ name: 'default', at: ['provider'], value: provider });
  return found.flatMap(({ name, at, value }) =>
    value ? [{ ...partAt<NonNullable<ReadConfig['provider']>>(whole.document, at, value), name, whole }] : [],
  );
}

/** The names by which routes know providers, valid or not. */
export const providerNames = (whole: Whole): readonly string[] => [
  ...(whole.has('provider') ? ['default'] : []),
  ...whole.keys('providers'),
];

/** The routes of the file; what is not even a map is left out. */
export function routes(whole: Whole): Route[] {
  return (whole.value.routes ?? []).flatMap((value, index) =>
    value
      ? [
          {
            ...partAt<ReadConfig['routes'][number]>(whole.document, ['routes', index], value),
            index,
            whole,
          },
        ]
      : [],
  );
}

export function bearerEntries(whole: Whole): BearerEntry[] {
  return (whole.value.bearer ?? []).flatMap((value, index) =>
    value
      ? [
          {
            ...partAt<ReadConfig['bearer'][number]>(whole.document, ['bearer', index], value),
            index,
            whole,
          },
        ]
      : [],
  );
}

/** The origins that browsers see, as far as they are valid. */
export const origins = ({ value: { publicUrl = [] } }: Whole): URL[] =>
  publicUrl.flatMap((origin) => (origin === undefined ? [] : [new URL(origin)]));
