// alone: what it measures is how long Redis takes, and it winds the clock of four gateways
import { testInFlight } from './in-flight.ts';

testInFlight('cookie');
