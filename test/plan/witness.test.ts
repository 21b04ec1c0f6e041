import fc from 'fast-check';
import { test } from 'tap';
import { type AccessRequest, decide, trusts } from '../../src/access/decide.ts';
import type { Person } from '../../src/access/subject.ts';
import { createComparer, type Passing } from '../../src/plan/differences/compare.ts';
import { regionsOf, type Taker } from '../../src/plan/differences/regions.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { documentOf, neighbour, planOf, world } from './differences-world.ts';

const runs = 120;
const now = 1_700_000_000;

/** Pairs of files with the same people. */
const pair = world.chain((from) =>
  neighbour(from).map((to) => [from, { ...from, routes: to.routes, publicUrl: to.publicUrl }] as const),
);

/** Somebody of whom no more is so than a comparison names; undefined where that contradicts itself. */
function witnessOf({
  sender,
  demand,
}: Passing): { person: Person | undefined; address: string | undefined } | undefined {
  const facts = new Map(demand.map(({ name, anyOf }) => [name, anyOf[0] ?? '']));
  const address = facts.get('networks')?.split('/')[0];
  const { who, provider } = sender.after ?? { who: 'nobody' };
  if (who === 'refused client') return undefined;
  if (who === 'nobody') return { person: undefined, address };
  const [email, domain] = [facts.get('emails'), facts.get('emailDomains')];
  if (email !== undefined && domain !== undefined && !email.endsWith(`@${domain}`)) return undefined;
  const claims = [...facts].filter(([name]) => name.startsWith('claims.'));
  const scope = facts.get('scope');
  const person: Person = {
    provider,
    user: facts.get('users') ?? 'somebody else',
    email: email ?? (domain === undefined ? undefined : `somebody@${domain}`),
    name: undefined,
    emailVerified: true,
    groups: [facts.get('groups') ?? []].flat(),
    claims: {
      ...Object.fromEntries(claims.map(([name, value]) => [name.slice('claims.'.length), JSON.parse(value)])),
      ...(facts.has('stepUp.acr') && { acr: facts.get('stepUp.acr') }),
      ...(facts.has('stepUp.maxAge') && {
        auth_time: now - Number.parseFloat(facts.get('stepUp.maxAge') ?? ''),
      }),
    },
    bearer: who === 'client',
    scopes: scope?.split(' ') ?? [],
  };
  return { person, address };
}

function passes(
  { origins }: Plan,
  taker: Taker,
  { request }: Passing,
  witness: ReturnType<typeof witnessOf>,
): boolean {
  if (typeof taker === 'string' || !witness) return false;
  const known = witness.person && trusts(taker, witness.person);
  if (witness.person?.bearer && !known && taker.allow !== 'public') return false;
  const { preflight = false, forgeable = false, origin } = request;
  const asked: AccessRequest = {
    person: known ? witness.person : undefined,
    clientAddress: witness.address,
    now,
    navigation: false,
    preflight,
    forgeable,
    fromElsewhere: origin !== undefined && !origins.has(origin) && !taker.cors?.includes(origin),
  };
  return decide(taker, asked).kind === 'allow';
}

test(`for everybody who is said to pass now there is a witness, in ${runs} pairs of files`, (t) => {
  const counts = { witnesses: 0, contradictions: 0 };
  fc.assert(
    fc.property(pair, ([from, to]) => {
      const [before, after] = [planOf(documentOf(from)), planOf(documentOf(to))];
      fc.pre(before !== undefined && after !== undefined);
      if (!before || !after) return;
      const { compare } = createComparer(before, after);
      const seen = new Set<Passing>();
      for (const region of regionsOf(before, after, undefined)) {
        for (const passing of compare(region).gained) {
          if (seen.has(passing)) continue;
          seen.add(passing);
          // Tokens for one resource are no good at another, and here nobody has one.
          const [old, taken] = [region.before, region.after].map((taker) =>
            typeof taker === 'string' ? undefined : taker.resource?.identifier,
          );
          const witness = witnessOf(passing);
          if (!witness || (old !== taken && witness.person?.bearer)) {
            counts.contradictions += 1;
            continue;
          }
          counts.witnesses += 1;
          const answers = [
            passes(before, region.before, passing, witness),
            passes(after, region.after, passing, witness),
          ];
          if (answers.join() !== 'false,true')
            throw new Error(JSON.stringify({ answers, passing, witness, region }, null, 1));
        }
      }
    }),
    { numRuns: runs, endOnFailure: true },
  );
  t.comment(counts);
  t.ok(counts.witnesses > 100);
  t.end();
});
