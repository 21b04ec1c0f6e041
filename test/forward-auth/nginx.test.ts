import { test } from 'tap';
import { checkAttacks, checkEveryday } from './check-front.ts';
import { nginx } from './fronts/nginx.ts';
import { checkForwardAuth } from './scenario.ts';

test('nginx asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => nginx.start(place, { mode: 'asks' })));

test('nginx does what people do every day', (t) => checkEveryday(t, nginx));

test('through nginx nobody is somebody else, and no page reads a token', (t) => checkAttacks(t, nginx));
