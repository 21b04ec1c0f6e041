import { test } from 'tap';
import { startChild } from '../support/child.ts';
import { checkForwardAuth } from './scenario.ts';

test('Caddy asks the gateway: a browser logs in through it, and the rules hold', (t) =>
  checkForwardAuth(t, async ({ port, folder, place }) => {
    const file = await place('Caddyfile', (text) => {
      const global = `{\n\tadmin off\n\tstorage file_system ${folder}\n}\n`;
      return global + text.replace('http://127.0.0.1:8080', `http://127.0.0.1:${port}`);
    });
    return startChild('caddy', ['run', '--adapter', 'caddyfile', '--config', file], {
      env: { HOME: folder },
      ready: port,
      install: 'apt-get install caddy',
    });
  }));
