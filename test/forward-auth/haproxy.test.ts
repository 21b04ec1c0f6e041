import { test } from 'tap';
import { startChild } from '../support/child.ts';
import { checkForwardAuth } from './scenario.ts';

test('HAProxy asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, async ({ port, place }) => {
    const script = await place('sallyport.lua');
    const file = await place('haproxy.cfg', (text) =>
      text.replace('/etc/haproxy/sallyport.lua', script).replace('bind :8080', `bind 127.0.0.1:${port}`),
    );
    return startChild('haproxy', ['-db', '-f', file], {
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      ready: port,
      install: 'apt-get install haproxy',
    });
  }));
