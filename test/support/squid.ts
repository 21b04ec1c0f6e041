import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Teardown } from './arrange.ts';
import { startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { withServers } from './web-servers.ts';

/** A name that only the proxy knows: whoever does not ask it finds nobody. It is this machine. */
export const onlyByProxy = 'id.sallyport.test';

export interface Squid {
  port: number;
  /** Without credentials. */
  url: string;
  /**
   * Ends it, and says what it was asked for, such as `CONNECT id.sallyport.test:443 200`. Of a connection it says so when
   * that has ended: whoever asks has to be closed before.
   */
  asked(): Promise<string[]>;
}

export interface SquidOptions {
  /** The one whom it lets pass; everybody when absent. */
  user?: { name: string; password: string };
  /** The ports to which it gives connections; all when absent. */
  onlyPorts?: number[];
}

/** Starts a real squid on a free port of 127.0.0.1, with everything in a folder of its own. It ends with the test. */
export async function startSquid(t: Teardown, { user, onlyPorts }: SquidOptions = {}): Promise<Squid> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-squid-'));
  // As root it gives its rights up.
  await chmod(folder, 0o777);
  const port = await freePort();
  const log = join(folder, 'access.log');
  await writeFile(join(folder, 'hosts'), `127.0.0.1 ${onlyByProxy}\n`);
  if (user) await writeFile(join(folder, 'passwd'), await passwordLine(user));
  const file = join(folder, 'squid.conf');
  await writeFile(file, configuration(folder, port, user !== undefined, onlyPorts));
  const child = await startChild('squid', ['-N', '-f', file], {
    env: withServers(),
    ready: port,
    install: 'apt-get install squid',
  });
  t.teardown(async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async asked() {
      await child.stop();
      const text = await readFile(log, 'utf8').catch(() => '');
      // Whoever looked whether it was there asked for nothing.
      return text.split('\n').filter((line) => line !== '' && !line.includes(' error:'));
    },
  };
}

function configuration(folder: string, port: number, asks: boolean, onlyPorts?: number[]): string {
  const limits = onlyPorts ? [`acl wanted port ${onlyPorts.join(' ')}`, 'http_access deny !wanted'] : [];
  const allow = asks
    ? [
        `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${folder}/passwd`,
        'auth_param basic children 1 startup=1 idle=1',
        'acl known proxy_auth REQUIRED',
        'http_access allow known',
        'http_access deny all',
      ]
    : ['http_access allow all'];
  return `${[
    `http_port 127.0.0.1:${port}`,
    'pid_filename none',
    `hosts_file ${folder}/hosts`,
    `coredump_dir ${folder}`,
    `cache_log ${folder}/cache.log`,
    'logformat short %rm %ru %>Hs',
    `access_log stdio:${folder}/access.log short`,
    'cache deny all',
    'visible_hostname squid.sallyport.test',
    'shutdown_lifetime 0 seconds',
    ...limits,
    ...allow,
  ].join('\n')}\n`;
}

async function passwordLine({ name, password }: { name: string; password: string }): Promise<string> {
  const { stdout } = await promisify(execFile)('openssl', ['passwd', '-apr1', password]);
  return `${name}:${stdout.trim()}\n`;
}
