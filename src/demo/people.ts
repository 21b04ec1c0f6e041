/** Somebody who can sign in to the demo. */
export interface DemoPerson {
  /** The name to log in with, and the `sub`. */
  login: string;
  name: string;
  email: string;
  groups: readonly string[];
  /** What they do, for the sign-in page. */
  role: string;
}

/** One password for all: it is a demo, and the sign-in page says so. */
export const demoPassword = 'demo';

export const demoPeople: readonly DemoPerson[] = [
  {
    login: 'ada',
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    groups: ['engineering', 'admins'],
    role: 'Analytical engineer',
  },
  {
    login: 'grace',
    name: 'Grace Hopper',
    email: 'grace@example.com',
    groups: ['engineering'],
    role: 'Compiler pioneer',
  },
  {
    login: 'joseph',
    name: 'Joseph Weizenbaum',
    email: 'joseph@example.com',
    groups: ['support'],
    role: 'Listens well',
  },
  {
    login: 'zoe',
    name: 'Zoë Müller',
    email: 'zoe@example.com',
    groups: ['library', 'support'],
    role: 'Librarian, with dots on her name',
  },
];
