import type { ConfigPath } from './problems.ts';

/** A problem that no single key can tell. */
export interface Inconsistency {
  path: ConfigPath;
  message: string;
}

/** A map of the document, before its values are known to be valid. */
export type Loose = Readonly<Record<string, unknown>>;

export const asMap = (value: unknown): Loose =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Loose) : {};

export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const asTexts = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string');
