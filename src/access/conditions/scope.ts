import { condition, parsedList } from '../condition.ts';

/** RFC 6749 §3.3: scopes with a space between them. */
const scopes = /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/;

export const scope = condition({
  name: 'scope',
  form: parsedList({
    item: 'a scope such as files:read',
    list: 'a scope such as files:read, or a list of them',
    parse: (text) => (scopes.test(text) ? text : undefined),
  }),
  description: 'The access token that a client brought has one of these scopes; of `a b` it must have both.',
  asks: 'person',
  // The first one is what clients are told to get, so the order matters.
  key: (values) => values,
  holdsOnlyFor: () => 'clients',
  lackingScope: ([first]) => first,
  clauses: (values) => [
    {
      name: 'scope',
      anyOf: values,
      // Of `a b` it must have both, so whoever has both has either.
      entails: (all, others) => others.split(' ').every((one) => all.split(' ').includes(one)),
    },
  ],
  compile(values) {
    const wanted = values.map((all) => all.split(' '));
    return (person) => wanted.some((all) => all.every((one) => person.scopes.includes(one)));
  },
});
