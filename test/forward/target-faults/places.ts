import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Teardown } from '../../support/arrange.ts';
import { startChild } from '../../support/child.ts';
import { startTarget, type TargetProcess } from '../../support/target-process.ts';
import { withServers } from '../../support/web-servers.ts';

/** Two targets of an application, one of them behind a name, and a third one that the name may lead to. */
export interface Places {
  folder: string;
  first: TargetProcess;
  second: TargetProcess;
  third: TargetProcess;
  /** Where the second one is found: by its name. */
  named: string;
  /** The address of the DNS server, at port 53. */
  dns: string;
  /** The name leads to the third one from now on. */
  move(): Promise<void>;
  /** A command as it runs where names are looked up there, and nowhere else. */
  withDns(command: string, args: string[]): [string, string[]];
}

/** What Caddy looks up for a list of targets has to be names, all of them. */
export const names = { first: 'first.sallyport.test', second: 'second.sallyport.test' };

/**
 * Whether a program can be given a DNS server of its own, which takes a mount namespace. Where that is not allowed, as in
 * many containers, nothing is found by its name, and no name can lead elsewhere.
 */
export const canHaveDns = (): boolean => spawnSync('unshare', ['--mount', 'true']).status === 0;

/** @param t what ends all of it */
export async function startPlaces(t: Teardown): Promise<Places> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-targets-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  // Addresses of loopback that nobody else has: the second and the third target have one port.
  const network = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const first = await startTarget(t, 'first', { host: `${network}.1` });
  const second = await startTarget(t, 'second', { host: `${network}.2` });
  const { port } = new URL(second.url);
  const third = await startTarget(t, 'third', { host: `${network}.3`, port });
  const dns = `${network}.53`;
  const common = { folder, first, second, third, dns };
  if (!canHaveDns()) {
    const move = () =>
      Promise.reject(new Error('no name can lead elsewhere: mount namespaces are not allowed'));
    return { ...common, named: second.url, move, withDns: (...command) => command };
  }
  const hosts = join(folder, 'hosts');
  const resolv = join(folder, 'resolv.conf');
  const leadTo = (place: string) =>
    writeFile(hosts, `${network}.1 ${names.first}\n${network}.${place} ${names.second}\n`);
  await leadTo('2');
  await writeFile(resolv, `nameserver ${dns}\noptions timeout:1 attempts:2\n`);
  const args = `--no-daemon --conf-file=/dev/null --no-resolv --no-hosts --user=root --local=/test/ --local-ttl=0
    --listen-address=${dns} --bind-interfaces --pid-file=${folder}/dns.pid --addn-hosts=${hosts}`;
  const server = await startChild('dnsmasq', args.split(/\s+/), {
    env: withServers(),
    ready: ({ stderr }) => stderr.join('').includes('read'),
    install: 'apt-get install dnsmasq-base',
  });
  t.teardown(() => server.stop());
  return {
    ...common,
    named: `http://${names.second}:${port}`,
    async move() {
      await leadTo('3');
      // It reads its files anew.
      server.process.kill('SIGHUP');
    },
    withDns: (command, given) => [
      'unshare',
      ['--mount', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolv, command, ...given],
    ],
  };
}
