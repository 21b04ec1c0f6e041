import { configJsonSchema, type JsonSchema } from './json-schema.ts';

/** Stands in the file for a text that is not known yet, of which any part may come from somewhere else. */
const variable: JsonSchema = {
  description: 'A text with `${NAME}`, `${NAME:-default}` or `${file:/path}` in it.',
  type: 'string',
  pattern: '\\$\\{',
};
const toVariable: JsonSchema = { $ref: '#/$defs/variable' };

/** True or false, also as a text. */
const flag: JsonSchema = { anyOf: [{ type: 'boolean' }, { enum: ['true', 'false'] }, toVariable] };

/**
 * The JSON Schema of the configuration file, as `sallyport schema` prints it for editors: with every way in which a value
 * may be written, and with `${NAME}` wherever a text is taken that is not free.
 */
export function publishedJsonSchema(): JsonSchema & { $defs: Record<string, JsonSchema> } {
  return { ...published(configJsonSchema()), $defs: { variable, flag } };
}

function published(schema: JsonSchema): JsonSchema {
  const { spellings, ...rest } = schema;
  const below = withPublishedParts(rest);
  const isNarrow = takesText(below) && narrowing.some((keyword) => keyword in below);
  if (!spellings && !isNarrow) return below;
  const { description, default: standard, examples, secret, short, anyOf, type, ...own } = below;
  const told = Object.entries({ description, default: standard, examples, secret, short });
  const about = Object.fromEntries(told.filter(([, value]) => value !== undefined));
  // What is a flag and nothing else; see `json-schema.ts`.
  if (Array.isArray(type)) return { ...about, $ref: '#/$defs/flag' };
  const plain = { ...own, ...(type !== undefined && { type }) };
  const isTextTaken = isNarrow || (spellings ?? []).some(takesText);
  return {
    ...about,
    anyOf: [...(anyOf ?? [plain]), ...inOne(spellings ?? []), ...(isTextTaken ? [toVariable] : [])],
  };
}

/** Keywords that keep a text with `${NAME}` in it out. */
const narrowing = ['enum', 'const', 'pattern'] as const;

function takesText({ type, const: only, enum: several = [] }: JsonSchema): boolean {
  return type === 'string' || typeof only === 'string' || several.some((value) => typeof value === 'string');
}

/** Single words as one list. */
function inOne(forms: readonly JsonSchema[]): JsonSchema[] {
  const words = forms.flatMap((form) => (form.const === undefined ? [] : [form.const]));
  const others = forms.filter((form) => form.const === undefined);
  return [...(words.length > 0 ? [{ enum: words }] : []), ...others];
}

function withPublishedParts(schema: JsonSchema): JsonSchema {
  const { properties, items, anyOf, additionalProperties } = schema;
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, member]) => [name, published(member)]),
      ),
    }),
    ...(items && { items: published(items) }),
    ...(anyOf && { anyOf: anyOf.map(published) }),
    ...(typeof additionalProperties === 'object' && {
      additionalProperties: published(additionalProperties),
    }),
  };
}
