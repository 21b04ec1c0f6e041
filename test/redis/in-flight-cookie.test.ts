import { testInFlight } from './in-flight.ts';

testInFlight('cookie');
