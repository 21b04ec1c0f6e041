import type { Config } from '../../config/schema/index.ts';

/** A key that two configurations have differently. */
export interface KeyDifference {
  /** Such as `timeout.response`, or `session.idleTimeout`. */
  key: string;
  /** As a file has it, secrets masked; undefined where it has none. */
  before?: unknown;
  after?: unknown;
  /** What differs is not shown: a secret, or the contents of a file. */
  isHidden?: true;
}

type Members = Readonly<Record<string, unknown>>;

/** One thing in the two forms in which it is known: as it is used, and as it may be shown. */
export interface BothForms {
  real: Members;
  shown: Members;
}

/** The keys in which two things differ, but for some of the first level. */
export function keysThatDiffer(
  before: BothForms,
  after: BothForms,
  without: readonly string[],
): KeyDifference[] {
  const names = new Set([...Object.keys(before.real), ...Object.keys(after.real)]);
  return [...names]
    .filter((name) => !without.includes(name))
    .flatMap((name) => partsOf(name, memberOf(before, name), memberOf(after, name)));
}

interface Values {
  real: unknown;
  shown: unknown;
}

const memberOf = ({ real, shown }: { real: Members; shown: Members }, name: string): Values => ({
  real: real[name],
  shown: shown[name],
});

function partsOf(key: string, before: Values, after: Values): KeyDifference[] {
  if (isSame(before.real, after.real)) return [];
  const all = [before.real, after.real, before.shown, after.shown];
  if (all.every(isMap)) {
    const [from, to] = [before, after] as [BothForms, BothForms];
    const names = new Set(all.flatMap((each) => Object.keys(each)));
    const parts = [...names].flatMap((name) =>
      partsOf(`${key}.${name}`, memberOf(from, name), memberOf(to, name)),
    );
    // The order of names alone matters to people who choose a provider, and to the order of headers.
    return parts.length > 0
      ? parts
      : [{ key, before: Object.keys(from.shown), after: Object.keys(to.shown) }];
  }
  // What looks the same and is not, is not to be seen.
  if (isSame(before.shown, after.shown)) return [{ key, isHidden: true }];
  return [
    {
      key,
      ...(before.shown !== undefined && { before: before.shown }),
      ...(after.shown !== undefined && { after: after.shown }),
    },
  ];
}

/** Those of some keys that differ, and which nothing but a start takes over. */
export function differingKeys<Key extends keyof Config>(
  before: Config,
  after: Config,
  keys: readonly Key[],
): Key[] {
  return keys.filter((key) => !isSame(before[key], after[key]));
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const isMap = (value: unknown): value is Members =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** A value as JSON in which the order of keys does not count. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, below]) => `${JSON.stringify(key)}:${canonical(below)}`).join(',')}}`;
}
