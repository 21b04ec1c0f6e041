import { asMap, type Inconsistency, type Loose } from '../loose.ts';
import type { ConfigPath } from '../problems.ts';
import { nearest } from '../suggest.ts';
import { presets } from './index.ts';
import type { Preset } from './preset.ts';

/**
 * Lays the keys of presets under the providers that name one. What a preset needs and did not get is a problem;
 * what is no preset at all is left for the schema to refuse.
 */
export function layPresets(document: unknown): { document: unknown; problems: Inconsistency[] } {
  const config = asMap(document);
  const problems: Inconsistency[] = [];
  const laid = (provider: unknown, path: ConfigPath) =>
    withPreset(asMap(provider), path, problems) ?? provider;
  const { provider, providers } = config;
  const named = Object.entries(asMap(providers)).map(([name, each]) => [
    name,
    laid(each, ['providers', name]),
  ]);
  if (provider === undefined && named.length === 0) return { document, problems };
  return {
    document: {
      ...config,
      ...(provider !== undefined && { provider: laid(provider, ['provider']) }),
      ...(named.length > 0 && { providers: Object.fromEntries(named) }),
    },
    problems,
  };
}

function withPreset(provider: Loose, path: ConfigPath, problems: Inconsistency[]): Loose | undefined {
  // The short form; messages speak of the long one.
  const given: Loose =
    typeof provider.preset === 'string' ? { name: provider.preset } : asMap(provider.preset);
  const { name, ...parameters } = given;
  if (typeof name !== 'string') return undefined;
  if (!Object.hasOwn(presets, name)) return { ...provider, preset: given };
  const preset: Preset = presets[name as keyof typeof presets];
  const known = { ...preset.required, ...preset.optional };
  const report = (key: string, message: string) => problems.push({ path: [...path, 'preset', key], message });
  for (const [key, example] of Object.entries(preset.required ?? {})) {
    if (parameters[key] === undefined)
      report(key, `this key is required: preset ${name} needs it, such as ${example}.`);
  }
  for (const key of Object.keys(parameters)) {
    if (Object.hasOwn(known, key)) continue;
    const meant = nearest(key, Object.keys(known));
    report(key, `preset ${name} has no such parameter${meant ? `; did you mean ${meant}?` : '.'}`);
  }
  // Where one is missing its example stands in, so that nothing is said about what follows from it.
  const filled = Object.entries({ ...known, ...parameters }).flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, value.replace(/\/+$/, '')]] : [],
  );
  return merged(preset.keys(Object.fromEntries(filled)), provider);
}

/** Maps are merged, everything else is replaced. */
function merged(base: Loose, over: Loose): Loose {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isMap(below) && isMap(value) ? merged(below, value) : value;
  }
  return result;
}

const isMap = (value: unknown): value is Loose =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
