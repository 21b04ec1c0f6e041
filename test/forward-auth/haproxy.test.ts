import { test } from 'tap';
import { checkAttacks, checkEveryday } from './check-front.ts';
import { haproxy } from './fronts/haproxy.ts';
import { checkForwardAuth } from './scenario.ts';

test('HAProxy asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => haproxy.start(place, { mode: 'asks' })));

test('HAProxy does what people do every day', (t) => checkEveryday(t, haproxy));

test('through HAProxy nobody is somebody else, and no page reads a token', (t) => checkAttacks(t, haproxy));
