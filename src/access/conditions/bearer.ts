import { condition, flag } from '../condition.ts';

export const bearer = condition({
  name: 'bearer',
  form: flag,
  description: 'True: a client with an access token of its own. False: somebody with a session.',
  asks: 'person',
  key: (value) => value,
  // For whom alone it holds is all of it.
  clauses: () => [],
  // From the environment it comes as a text.
  holdsOnlyFor: (value) =>
    String(value) === 'true' ? 'clients' : String(value) === 'false' ? 'sessions' : undefined,
  compile: (value) => (person) => person.bearer === value,
});
