import { asSet, claimValues, condition } from '../condition.ts';

export const claims = condition({
  name: 'claims',
  form: claimValues,
  description: 'Each of these claims has one of its values, or has it in its list.',
  asks: 'person',
  needs: (values) => ({ paths: Object.keys(values) }),
  key: (values) =>
    Object.entries(values)
      .map(([path, allowed]) => [path, asSet(allowed)] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  clauses: (values) =>
    Object.entries(values).map(([path, allowed]) => ({
      name: `claims.${path}`,
      anyOf: allowed.map((each) => JSON.stringify(each)),
    })),
  compile(values) {
    const wanted = Object.entries(values).map(([path, each]) => ({
      path,
      allowed: new Set<unknown>(each),
    }));
    return (person) =>
      wanted.every(({ path, allowed }) => {
        const claim = person.claims[path];
        // A value is compared with its type: '3' is not 3.
        return Array.isArray(claim) ? claim.some((item) => allowed.has(item)) : allowed.has(claim);
      });
  },
});
