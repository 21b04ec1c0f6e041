import type { Person, Subject } from './subject.ts';

/** A claim's value as it may stand in a rule. */
export type ClaimValue = string | number | boolean;

/**
 * How a value stands in the configuration, from which its schema is made. `Value` is what comes of it.
 */
export type Form<Value = unknown> = (ListForm<unknown> | { kind: 'flag' } | { kind: 'claims' }) & {
  /** For the compiler alone; nothing has it. */
  readonly gives?: Value;
};

/** One text, or a list of texts. */
export interface ListForm<Item> {
  kind: 'list';
  /** What an item has to be, as a sentence goes on after "expected". */
  item: string;
  /** The same for the whole value. */
  list: string;
  /** Undefined for a text that is not valid; without it every text is, but for the empty one. */
  parse?: (text: string) => Item | undefined;
}

export const list = (item: string): Form<string[]> => ({
  kind: 'list',
  item,
  list: `${item}, or a list of them`,
});

export const parsedList = <Item>(form: Omit<ListForm<Item>, 'kind'>): Form<Item[]> => ({
  kind: 'list',
  ...form,
});

export const flag: Form<boolean> = { kind: 'flag' };

/** Claims by their dotted paths, each with one value or a list. */
export const claimValues: Form<Record<string, ClaimValue[]>> = { kind: 'claims' };

/** The claims of which each provider says where it has them, in its own `claims`. */
export type ClaimRole = 'user' | 'email' | 'emailVerified' | 'name' | 'groups';

/** What a rule has to know of a person's claims; whatever nobody names is not kept. */
export interface Needs {
  /** Dotted paths. */
  paths?: readonly string[];
  roles?: readonly ClaimRole[];
}

/**
 * What a condition asks of one thing, for the comparison of rules: that the person, or the request, is one of these.
 * The names of two clauses are equal where they ask for the same thing.
 */
export interface Clause {
  /** How people know it, such as `groups` or `claims.level`. */
  name: string;
  anyOf: readonly string[];
  /** Whether what is one of these is another one of the same name too; without it, only what is equal. */
  entails?(fact: string, other: string): boolean;
  /** Parts that make up a fact, each of them wholly inside or outside of the others. */
  split?(fact: string, others: readonly string[]): string[];
  /** What is so of something else wherever this is. */
  implies?(fact: string): { name: string; fact: string };
}

/**
 * One condition of a rule: all that the gateway knows of it. The schema of `allow`, the claims that are kept, the
 * decision, what `explain` says and the comparison of rules come from here, by the table in `conditions/index.ts`.
 */
export type Condition<Name extends string = string, Value = unknown> = Description<Name, Value> &
  (AsksPerson<Value> | AsksRequest<Value>);

interface Description<Name, Value> {
  /** Its key in an alternative of `allow`. */
  name: Name;
  form: Form<Value>;
  /** A sentence for the reference. */
  description: string;
  /** The claims that it reads. */
  needs?(value: Value): Needs;
  /** Two values of the same key, compared as JSON, hold for the very same requests. */
  key(value: Value): unknown;
  /** It holds where all of these do; what `holdsOnlyFor` says goes without saying. */
  clauses(value: Value): Clause[];
  /**
   * Whom alone it can hold for: clients with an access token of their own, or people with a session. The value may
   * be one that was not validated yet.
   */
  holdsOnlyFor?(value: unknown): 'clients' | 'sessions' | undefined;
  /** The scope that a client is told to get where nothing but this fails (RFC 6750 §3.1). */
  lackingScope?(value: Value): string | undefined;
}

interface AsksPerson<Value> {
  /** It never holds for somebody who is not signed in. */
  asks: 'person';
  /** Prepares whatever does not depend on the request. */
  compile(value: Value): (person: Person) => boolean;
}

interface AsksRequest<Value> {
  /** It may hold without anybody signed in. */
  asks: 'request';
  compile(value: Value): (subject: Subject) => boolean;
}

/** Gives a condition as it is; for its types. */
export const condition = <const Name extends string, Value>(
  given: Condition<Name, Value>,
): Condition<Name, Value> => given;

/** The key of values whose order does not matter, nor how often each is there. */
export const asSet = (values: readonly (string | number | boolean)[]): unknown =>
  [...new Set(values.map((value) => JSON.stringify(value)))].sort();
