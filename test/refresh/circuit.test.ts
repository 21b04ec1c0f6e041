import { test } from 'tap';
import { createCircuit } from '../../src/identity/provider/circuit.ts';
import { systemRandom } from '../../src/random.ts';

test('one person in many browsers is one person: nobody else has to wait', async (t) => {
  let now = 0;
  const circuit = createCircuit({ clock: { monotonic: () => now }, random: systemRandom });
  const adas = Array.from({ length: 20 }, (_, index) => `session ${index}`);
  for (const each of adas) {
    t.equal(circuit.blockedFor(each, 'ada'), 0);
    circuit.failed(each, undefined, 'ada');
  }
  t.equal(circuit.blockedFor('session of grace', 'grace'), 0);
  now += 60_000;
  circuit.failed('session of zoe', undefined, 'zoe');
  t.equal(
    circuit.blockedFor('session 0', 'ada'),
    0,
    'it is open, and one looks whether the provider is back',
  );
  t.ok(circuit.blockedFor('session 1', 'ada') > 0, 'in one browser at a time');
  t.equal(circuit.blockedFor('session of grace', 'grace'), 0, 'a place is left for another');
  t.ok(circuit.blockedFor('session of abe', 'abe') > 0);
});

test('what two people meet holds the others back, until one is served', async (t) => {
  const circuit = createCircuit({ clock: { monotonic: () => 0 }, random: systemRandom });
  circuit.failed('a', undefined, 'ada');
  circuit.failed('g', undefined, 'grace');
  t.equal(circuit.blockedFor('z', 'zoe'), 0);
  t.equal(circuit.blockedFor('b', 'bob'), 0);
  t.ok(circuit.blockedFor('e', 'eve') > 0);
  circuit.succeeded('z');
  t.equal(circuit.blockedFor('e', 'eve'), 0);
});
