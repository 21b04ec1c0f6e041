import type { Config } from '../config/schema/index.ts';
import { compilePathMatch } from '../routes/path-match.ts';
import type { Rate } from './meter.ts';

type Configured = Config['rateLimit'][number];
export type LimitedEndpoint = NonNullable<Configured['match']['endpoint']>;

/** A limit as it is at work. */
export interface Rule {
  /** As it is called where people read of it. */
  name: string;
  /** What it is, whatever it is called: two rules with one key count together. */
  key: string;
  by: 'client' | 'person' | { header: string };
  endpoint: LimitedEndpoint | undefined;
  /** Whether a path is meant; undefined where all are. */
  takes: ((path: string) => boolean) | undefined;
  rate: Rate;
  shared: boolean;
}

const minute = 60_000;
const aMinute = (requests: number): Rate => ({ requests, perMs: minute, burst: requests });

/**
 * What is limited without being asked. The values are those that an office of a few thousand behind one address does
 * not meet, see docs/limits.md.
 */
const standard: Readonly<Partial<Record<LimitedEndpoint, Rate>>> = {
  login: aMinute(2400),
  callback: aMinute(2400),
  'bearer-failures': aMinute(600),
  introspection: aMinute(6000),
};

/** The rules of a configuration; an endpoint that one of them names has no standard limit. */
export function compileRules(configured: Config['rateLimit']): readonly Rule[] {
  const rules = configured.flatMap((each, index): Rule[] => {
    const { match, by, requests, per, burst, shared } = each;
    if (requests === 'unlimited') return [];
    const rate = { requests, perMs: per, burst: burst ?? requests };
    const takes = match.path === undefined ? undefined : compilePathMatch(match.path);
    const key = JSON.stringify([match.endpoint, match.path, by, rate, shared]);
    return [{ name: `rateLimit[${index}]`, key, by, endpoint: match.endpoint, takes, rate, shared }];
  });
  const named = new Set(configured.map(({ match }) => match.endpoint));
  for (const [name, rate] of Object.entries(standard)) {
    const endpoint = name as LimitedEndpoint;
    if (named.has(endpoint)) continue;
    const key = JSON.stringify(['standard', endpoint, rate]);
    rules.push({ name: endpoint, key, by: 'client', endpoint, takes: undefined, rate, shared: true });
  }
  return rules;
}
