import { test } from 'tap';
import { type Channel, openLine } from '../../src/control/line.ts';
import { createWoundClock } from '../support/clock.ts';

test('who asks a process that ends is told so at once, and not after the limit', async (t) => {
  let end = () => {};
  const channel: Channel = {
    send: (_message, sent) => sent(null),
    receive() {},
    onEnded(listener) {
      end = listener;
    },
  };
  const line = openLine(channel, createWoundClock(), () => undefined);
  const asked = [line.ask({}, 60_000), line.ask({}, 60_000)];
  end();
  for (const each of asked) await t.rejects(each, /the worker has ended/);
});
