import { z } from 'zod';
import { configSchema } from './schema/index.ts';

/** The part of JSON Schema 2020-12 that this configuration needs. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  pattern?: string;
  $ref?: string;
  /** A value that must not be repeated in a message. */
  secret?: boolean;
  /** The member that a bare string stands for, where an object has a short form. */
  short?: string;
  /** What else the program takes: other ways to write a value. */
  spellings?: JsonSchema[];
}

/** It takes longer to make than a whole configuration to be read, so it is made once. */
const made = makeJsonSchema();

/** The JSON Schema of the configuration, by which keys are found and explained. To be read, not changed. */
export const configJsonSchema = (): JsonSchema => made;

function makeJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema, zodSchema }) => {
      // The library leaves them out where text is turned into something else; they are meant for the text.
      const examples = z.globalRegistry.get(zodSchema)?.examples;
      if (Array.isArray(examples)) jsonSchema.examples = examples;
      if (Array.isArray(jsonSchema.alternatives)) {
        const { description, default: standard, alternatives, ...number } = jsonSchema;
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
        Object.assign(jsonSchema, {
          description,
          default: standard,
          anyOf: [number, ...(alternatives.length > 0 ? [{ enum: alternatives }] : [])],
        });
      }
      // Editors must accept the short form as well, and ${NAME} in place of a number or a boolean.
      if (typeof jsonSchema.short === 'string') {
        const { description, default: standard, short, anyOf, ...object } = jsonSchema;
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
        Object.assign(jsonSchema, {
          description,
          default: standard,
          short,
          anyOf: [{ type: 'string' }, ...(anyOf ?? [object])],
        });
      }
      if (jsonSchema.type === 'boolean') jsonSchema.type = ['boolean', 'string'] as unknown as 'boolean';
    },
  });
  return schema as JsonSchema;
}

/** The object form of a schema, whether or not it has a short form beside. */
function objectForm(schema: JsonSchema): JsonSchema {
  return schema.properties ? schema : (schema.anyOf?.find((form) => form.properties) ?? schema);
}

/** The schema of the value at a path; undefined where the configuration has no such key. */
export function schemaAt(root: JsonSchema, path: readonly (string | number)[]): JsonSchema | undefined {
  let schema: JsonSchema | undefined = root;
  for (const step of path) {
    if (schema === undefined) return undefined;
    const object = objectForm(schema);
    if (typeof step === 'number') schema = listForm(schema)?.items;
    else if (object.properties && Object.hasOwn(object.properties, step)) schema = object.properties[step];
    else schema = typeof object.additionalProperties === 'object' ? object.additionalProperties : undefined;
  }
  return schema;
}

/** The list form of a schema that takes a list, or one value or a list. */
export function listForm(schema: JsonSchema): JsonSchema | undefined {
  return schema.items ? schema : schema.anyOf?.find((form) => form.items);
}

/** The keys that an object of this schema may have, with their schemas. */
export function members(schema: JsonSchema): [name: string, member: JsonSchema][] {
  return Object.entries(objectForm(schema).properties ?? {});
}
