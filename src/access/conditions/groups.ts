import { asSet, condition, list } from '../condition.ts';

export const groups = condition({
  name: 'groups',
  form: list('a group'),
  description: 'One of these groups is among the person’s.',
  asks: 'person',
  needs: () => ({ roles: ['groups'] }),
  key: (values) => asSet(values),
  clauses: (values) => [{ name: 'groups', anyOf: values }],
  compile(values) {
    const allowed = new Set(values);
    return (person) => person.groups.some((group) => allowed.has(group));
  },
});
