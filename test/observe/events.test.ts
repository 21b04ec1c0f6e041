import { test } from 'tap';
import { GatewayError } from '../../src/errors.ts';
import type { Event, Told } from '../../src/observe/events.ts';
import { openObserve } from '../../src/observe/open-observe.ts';
import type { OpenSink } from '../../src/observe/sinks/sink.ts';
import { createWoundClock } from '../support/clock.ts';
import { exchange } from './exchange.ts';

/** Sinks of a test beside each other, with everything that the last of them was told. */
function observeBy(...openers: OpenSink[]) {
  const told: Told[] = [];
  const listener: OpenSink = () => ({ name: 'listener', take: (event) => void told.push(event) });
  const options = { level: 'silent', pretty: false } as const;
  const observe = openObserve(options, { clock: createWoundClock(), sinks: [...openers, listener] });
  return { ...observe, told };
}

const broken: OpenSink = () => ({
  name: 'broken',
  take() {
    throw new Error('a counter without a name, said correct horse');
  },
});

test('a sink that throws disturbs nobody, and is reported once', async (t) => {
  const { emit, keepSecrets, told } = observeBy(broken);
  keepSecrets(['correct horse']);
  for (const signal of ['first', 'second', 'third']) emit({ kind: 'stopping', signal });
  t.same(
    told.filter(({ kind }) => kind === 'sink-failed'),
    [{ kind: 'sink-failed', sink: 'broken', reason: 'a counter without a name, said [redacted]' }],
  );
  t.same(
    told.flatMap((event) => (event.kind === 'stopping' ? event.signal : [])),
    ['first', 'second', 'third'],
  );
});

test('where no sink is left that could report it, standard error does', async (t) => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  const options = { level: 'silent', pretty: false } as const;
  const { emit } = openObserve(options, { clock: createWoundClock(), sinks: [broken, broken] });
  emit({ kind: 'stopped' });
  emit({ kind: 'stopped' });
  t.match((await warned).message, 'the sink broken failed: a counter without a name');
});

test('no sink gets an error or a known secret, whatever was thrown', async (t) => {
  const { emit, keepSecrets, told } = observeBy();
  keepSecrets(['correct horse']);
  const cause = new Error('it said correct horse');
  emit({ kind: 'sign-outs-not-loaded', error: cause });
  emit({ kind: 'request-refused', exchange, error: new GatewayError('upstream_invalid', { cause }) });
  emit({
    kind: 'client-rejected',
    provider: 'p',
    endpoint: 'e',
    status: 401,
    error: 1,
    lookAt: ['correct horse'],
  });
  t.same(told, [
    { kind: 'sign-outs-not-loaded', reason: 'it said [redacted]' },
    {
      kind: 'request-refused',
      exchange,
      requestId: 'id-1',
      subject: 'ada',
      client: '203.0.113.7',
      code: 'upstream_invalid',
      status: 502,
      reason: 'it said [redacted]',
      path: undefined,
      stack: undefined,
    },
    {
      kind: 'client-rejected',
      provider: 'p',
      endpoint: 'e',
      status: 401,
      reason: '1',
      lookAt: ['[redacted]'],
    },
  ]);
  t.doesNotThrow(() => emit({ kind: 'part-not-closed', error: Object.create(null) }));
  t.match(told.at(-1), { reason: 'something that cannot be described' });
});

test('an event of each request is the same thing for every sink: nothing is made of it', async (t) => {
  const { emit, told } = observeBy();
  const event: Event = { kind: 'request-finished', exchange, status: 200, durationMs: 1 };
  emit(event);
  t.equal(told[0], event);
});
