import type { Condition, Form } from '../condition.ts';
import { bearer } from './bearer.ts';
import { claims } from './claims.ts';
import { emailDomains } from './email-domains.ts';
import { emails } from './emails.ts';
import { groups } from './groups.ts';
import { networks } from './networks.ts';
import { scope } from './scope.ts';
import { users } from './users.ts';

/**
 * Every condition that a rule may have, in the order in which they are listed and tried. Nothing else knows them by
 * name.
 */
const table = [groups, emails, emailDomains, users, claims, networks, bearer, scope] as const;

type Table = (typeof table)[number];
type ValueOf<Each> = Each extends { form: Form<infer Value> } ? Value : never;

/** One way to be allowed; every condition in it must hold. */
export type Alternative = {
  [Each in Table as Each['name']]?: ValueOf<Each> | undefined;
};

export const conditions: readonly Condition[] = table;

/** A rule as it is shown where rules are explained. */
export const exampleRule = [
  { groups: ['admins'] },
  { emailDomains: ['example.com'], networks: ['10.0.0.0/8'] },
];
