import { test } from 'tap';
import { checkAttacks, checkEveryday } from './check-front.ts';
import { caddy } from './fronts/caddy.ts';
import { checkForwardAuth } from './scenario.ts';

test('Caddy asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => caddy.start(place, { mode: 'asks' })));

test('Caddy does what people do every day', (t) => checkEveryday(t, caddy));

test('through Caddy nobody is somebody else, and no page reads a token', (t) => checkAttacks(t, caddy));
