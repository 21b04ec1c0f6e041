import { test } from 'tap';
import { checkAttacks, checkEveryday } from '../check-front.ts';
import { currentCaddy } from '../fronts/caddy.ts';
import { checkForwardAuth } from '../scenario.ts';

test('current Caddy asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => currentCaddy.start(place, { mode: 'asks' })));

test('current Caddy does what people do every day', (t) => checkEveryday(t, currentCaddy));

test('through current Caddy nobody is somebody else, and no page reads a token', (t) =>
  checkAttacks(t, currentCaddy));
