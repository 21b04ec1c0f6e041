import { test } from 'tap';
import { strikeInFlight } from './in-flight.ts';

test('20 refreshes in flight, sessions in cookies: nobody is signed out, no refresh token is sent twice', (t) =>
  strikeInFlight(t, 'cookie'));
