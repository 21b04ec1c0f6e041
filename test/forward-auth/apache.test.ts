import { test } from 'tap';
import { checkAttacks, checkEveryday } from './check-front.ts';
import { apache } from './fronts/apache.ts';
import { checkForwardAuth } from './scenario.ts';

test('Apache asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => apache.start(place, { mode: 'asks' })));

test('Apache does what people do every day', (t) => checkEveryday(t, apache));

test('through Apache nobody is somebody else, and no page reads a token', (t) => checkAttacks(t, apache));
