import type { ConfigPath } from './problems.ts';

/** A problem that no single key can tell. */
export interface Inconsistency {
  path: ConfigPath;
  message: string;
}

/** A map of a document whose values are not known to be valid yet. */
export type Loose = Readonly<Record<string, unknown>>;

/** The value where it is a map, else an empty one. */
export const asMap = (value: unknown): Loose =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Loose) : {};

/** The value where it is a list, else an empty one. */
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The texts of a list, or of a value that stands for a list of one. */
export const asTexts = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string');

/** A flag that is on; the environment gives text. */
export const isOn = (value: unknown): boolean => value === true || value === 'true';

/** A flag that somebody turned off, rather than left alone. */
export const isOff = (value: unknown): boolean => value === false || value === 'false';
