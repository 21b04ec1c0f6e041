import { presets } from '../presets/index.ts';
import type { Preset } from '../presets/preset.ts';
import { nearest } from '../suggest.ts';
import { type Check, each, type Subject } from './check.ts';
import { type Provider, providers, type Whole } from './subjects.ts';

interface Parameter extends Subject {
  /** The name of the preset. */
  preset: string;
  name: string;
}

interface MissingParameter extends Parameter {
  example: string;
}

function presetOf({ value }: Provider): { name: string; preset: Preset } | undefined {
  const name = value.preset?.name;
  return name === undefined ? undefined : { name, preset: presets[name] };
}

function missingParameters(provider: Provider): MissingParameter[] {
  const { name: preset = '', preset: { required = {} } = {} } = presetOf(provider) ?? {};
  return Object.entries(required)
    .filter(([name]) => !provider.has('preset', name))
    .map(([name, example]) => ({ at: [...provider.at, 'preset', name], preset, name, example }));
}

interface UnknownParameter extends Parameter {
  known: readonly string[];
}

function unknownParameters(provider: Provider): UnknownParameter[] {
  const found = presetOf(provider);
  if (!found) return [];
  const known = Object.keys({ ...found.preset.required, ...found.preset.optional });
  return provider
    .keys('preset')
    .filter((name) => name !== 'name' && !known.includes(name))
    .map((name) => ({ at: [...provider.at, 'preset', name], preset: found.name, name, known }));
}

/** What each preset needs, and what it does not know. */
export const presetChecks: readonly Check<Whole>[] = [
  each(providers, [
    each(missingParameters, [
      {
        when: () => true,
        says: ({ preset, example }) => `this key is required: preset ${preset} needs it, such as ${example}.`,
      },
    ]),
    each(unknownParameters, [
      {
        when: () => true,
        says({ preset, name, known }) {
          const meant = nearest(name, known);
          return `preset ${preset} has no such parameter${meant ? `; did you mean ${meant}?` : '.'}`;
        },
      },
    ]),
  ]),
];
