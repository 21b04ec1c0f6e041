import { styleText } from 'node:util';
import { type DemoPerson, demoPassword } from './people.ts';

export interface GreetingParts {
  /** Where to go with a browser. */
  url: string;
  issuer: string;
  statusUrl: string;
  people: readonly DemoPerson[];
  /** Whether it is read in a terminal that shows colours. */
  colours: boolean;
}

/** What the demo says on the terminal once it runs. */
export function greeting({ url, issuer, statusUrl, people, colours }: GreetingParts): string {
  const paint = (look: Parameters<typeof styleText>[0], text: string) =>
    colours ? styleText(look, text, { validateStream: false }) : text;
  const widest = (field: 'login' | 'name') => Math.max(...people.map((person) => person[field].length));
  const rows = people.map(({ login, name, groups }) =>
    [
      paint('cyan', login.padEnd(widest('login'))),
      name.padEnd(widest('name')),
      paint('dim', groups.join(', ')),
    ].join('  '),
  );
  const lines = [
    '',
    paint('bold', 'The Sallyport demo is running.'),
    '',
    `Open  ${paint(['bold', 'green'], `${url}/`)}`,
    '',
    `and sign in as one of these; the password is ${paint('bold', demoPassword)} for everybody:`,
    '',
    ...rows.map((row) => `  ${row}`),
    '',
    `How the gateway stands:  ${paint('green', statusUrl)}`,
    '',
    `The provider is at ${issuer}. Nothing is kept. ${paint('dim', 'Ctrl-C ends it.')}`,
    '',
  ];
  return lines.map((line) => `${line === '' ? '' : `  ${line}`}\n`).join('');
}
