import { test } from 'tap';
import { putContext, readContext } from '../../../src/observe/traces/context.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const good = `00-${traceId}-${spanId}-01`;

test('a traceparent is read as the standard says', async (t) => {
  t.same(readContext({ traceparent: good }), { traceId, spanId, isSampled: true, tracestate: undefined });
  t.match(readContext({ traceparent: `00-${traceId}-${spanId}-00` }), { isSampled: false });
  t.match(readContext({ traceparent: `00-${traceId}-${spanId}-03` }), { isSampled: true }, 'one bit counts');
  t.match(
    readContext({ traceparent: `cc-${traceId}-${spanId}-01-what-comes` }),
    { traceId },
    'a later version',
  );
});

const odd = [
  '',
  'nonsense',
  good.toUpperCase().replace('00-', '00-'),
  ` ${good}`,
  `${good} `,
  `${good}-more`,
  `${good}\n`,
  `${good}, ${good}`,
  `ff-${traceId}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-1`,
  `00-${traceId}g-${spanId}-01`,
  `cc-${traceId}-${spanId}-01.what`,
];
for (const traceparent of odd)
  test(`no traceparent is ${JSON.stringify(traceparent)}`, async (t) => {
    t.equal(readContext({ traceparent }), undefined);
  });

test('a tracestate goes on as it came, where it is one', async (t) => {
  const stateOf = (tracestate: string) => readContext({ traceparent: good, tracestate })?.tracestate;
  t.equal(stateOf('rojo=00f067aa0ba902b7, congo=t61rcWkgMzE'), 'rojo=00f067aa0ba902b7, congo=t61rcWkgMzE');
  t.equal(stateOf('tenant@vendor=x,,b=2'), 'tenant@vendor=x,,b=2');
  t.equal(stateOf('novalue'), undefined);
  t.equal(stateOf('a=b\u0000c'), undefined);
  t.equal(stateOf('é=1'), undefined);
  t.equal(stateOf(`a=${'x'.repeat(600)}`), undefined, 'a long one');
  t.equal(stateOf(Array.from({ length: 33 }, (_, at) => `a${at}=1`).join()), undefined, 'one of 33 members');
  t.equal(stateOf(''), undefined);
  t.equal(readContext({ tracestate: 'a=b' }), undefined, 'none without a traceparent');
});

test('whatever case the names came in, and however often, one pair is left', async (t) => {
  const headers = ['Host', 'a', 'TraceParent', 'x', 'traceSTATE', 'y', 'traceparent', 'z', 'X-Trace-Id', 'k'];
  putContext(headers, good, undefined);
  t.same(headers, ['Host', 'a', 'X-Trace-Id', 'k', 'traceparent', good]);
  putContext(headers, good, 'a=b');
  t.same(headers, ['Host', 'a', 'X-Trace-Id', 'k', 'traceparent', good, 'tracestate', 'a=b']);
});
