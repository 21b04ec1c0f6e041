import type { z } from 'zod';
import { isMap } from './document.ts';

type Leaf = string | number | boolean | bigint | symbol | null | undefined | Buffer | URL;

/** A value as far as it is valid: in maps and lists, what the schema refuses is undefined. */
export type Partly<T> = T extends Leaf
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (Partly<Item> | undefined)[]
    : string extends keyof T
      ? { readonly [Key in keyof T]: Partly<T[Key]> | undefined }
      : { readonly [Key in keyof T]?: Partly<T[Key]> | undefined };

/**
 * Reads a document with a schema that refuses it: the parts that are valid are as they would be in a document
 * that is valid as a whole, defaults included. So one mistake does not hide what is wrong elsewhere.
 */
export function salvage<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): Partly<z.output<Schema>> | undefined {
  return salvaged(schema, value) as Partly<z.output<Schema>> | undefined;
}

function salvaged(schema: z.core.$ZodType, value: unknown): unknown {
  const whole = (schema as z.ZodType).safeParse(value);
  if (whole.success) return whole.data;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      if (!isMap(value)) return undefined;
      return Object.fromEntries(
        Object.entries(def.shape).map(([key, member]) => [key, salvaged(member, own(value, key))]),
      );
    case 'record':
      if (!isMap(value)) return undefined;
      return Object.fromEntries(
        Object.entries(value).map(([key, member]) => [key, salvaged(def.valueType, member)]),
      );
    case 'array':
      return Array.isArray(value) ? value.map((item) => salvaged(def.element, item)) : undefined;
    case 'optional':
    case 'prefault':
      return salvaged(def.innerType, value);
    case 'union':
      return def.options.map((option) => salvaged(option, value)).find((found) => found !== undefined);
    case 'pipe':
      return throughPipe(def, value);
    default:
      return undefined;
  }
}

/** What comes out of a pipe, unless a condition on the whole of it is not met: nobody can tell which part is wrong. */
function throughPipe({ in: first, out: then, checks = [] }: z.core.$ZodPipeDef, value: unknown): unknown {
  if (checks.length > 0) return undefined;
  const between = salvaged(first as z.core.$ZodType, value);
  return between === undefined ? undefined : salvaged(then as z.core.$ZodType, between);
}

const own = (map: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(map, key) ? map[key] : undefined;
