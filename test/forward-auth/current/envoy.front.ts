import { test } from 'tap';
import { checkAttacks, checkEveryday } from '../check-front.ts';
import { envoy } from '../fronts/envoy.ts';
import { checkForwardAuth } from '../scenario.ts';

test('Envoy asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => envoy.start(place, { mode: 'asks' })));

test('Envoy does what people do every day', (t) => checkEveryday(t, envoy));

test('through Envoy nobody is somebody else, and no page reads a token', (t) => checkAttacks(t, envoy));
