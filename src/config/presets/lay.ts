import { asMap, type DocumentMap, isMap } from '../document.ts';
import { presets } from './index.ts';
import type { Preset } from './preset.ts';

/**
 * Lays the keys of presets under the providers that name one. What is no preset at all is left for the schema to
 * refuse, and what a preset needs and did not get for the checks.
 */
export function layPresets(document: unknown): unknown {
  const { provider, providers } = asMap(document);
  const laid = (each: unknown) => (isMap(each) ? withPreset(each) : each);
  const named = Object.entries(asMap(providers)).map(([name, each]) => [name, laid(each)]);
  if (provider === undefined && named.length === 0) return document;
  return {
    ...asMap(document),
    ...(provider !== undefined && { provider: laid(provider) }),
    ...(named.length > 0 && { providers: Object.fromEntries(named) }),
  };
}

function withPreset(provider: DocumentMap): DocumentMap {
  // The short form; messages speak of the long one.
  const given: DocumentMap =
    typeof provider.preset === 'string' ? { name: provider.preset } : asMap(provider.preset);
  const { name, ...parameters } = given;
  if (typeof name !== 'string') return provider;
  if (!Object.hasOwn(presets, name)) return { ...provider, preset: given };
  const preset: Preset = presets[name as keyof typeof presets];
  // Where one is missing its example stands in, so that nothing is said about what follows from it.
  const filled = Object.entries({ ...preset.required, ...preset.optional, ...parameters }).flatMap(
    ([key, value]) => (typeof value === 'string' ? [[key, value.replace(/\/+$/, '')]] : []),
  );
  const lists = Object.entries(parameters).flatMap(([key, value]) =>
    Array.isArray(value) && value.every((item) => typeof item === 'string') ? [[key, value]] : [],
  );
  return merged(preset.keys(Object.fromEntries(filled), Object.fromEntries(lists)), provider);
}

/** Maps are merged, everything else is replaced. */
function merged(base: DocumentMap, over: DocumentMap): DocumentMap {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isMap(below) && isMap(value) ? merged(below, value) : value;
  }
  return result;
}
