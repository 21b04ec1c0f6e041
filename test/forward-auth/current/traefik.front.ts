import { test } from 'tap';
import { checkAttacks, checkEveryday } from '../check-front.ts';
import { traefik } from '../fronts/traefik.ts';
import { checkForwardAuth } from '../scenario.ts';

test('Traefik asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, (place) => traefik.start(place, { mode: 'asks' })));

test('Traefik does what people do every day', (t) => checkEveryday(t, traefik));

test('through Traefik nobody is somebody else, and no page reads a token', (t) => checkAttacks(t, traefik));
