import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Teardown } from './arrange.ts';
import { startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { until } from './until.ts';

const cli = async (port: number, ...args: string[]) =>
  (await promisify(execFile)('redis-cli', ['-p', String(port), ...args])).stdout;

export interface TestSentinel {
  url: string;
  primary: TestRedis;
  replica: TestRedis;
  /** After the end of the primary. */
  untilPromoted(): Promise<void>;
}

/** A primary, its replica, and a real Sentinel that watches both. */
export async function startSentinel(t: Teardown): Promise<TestSentinel> {
  const primary = await startRedis('--repl-diskless-sync-delay', '0');
  t.teardown(() => primary.stop());
  const replica = await startRedis('--replicaof', `127.0.0.1 ${primary.port}`);
  t.teardown(() => replica.stop());
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-sentinel-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'sentinel.conf');
  await writeFile(
    file,
    `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor gate 127.0.0.1 ${primary.port} 1
sentinel down-after-milliseconds gate 2500\nsentinel failover-timeout gate 5000\n`,
  );
  const sentinel = await startChild('redis-server', [file, '--sentinel'], { ready: port });
  t.teardown(() => sentinel.stop());
  const inStep = async () =>
    (await cli(replica.port, 'info', 'replication')).includes('master_link_status:up');
  await until('the replica to be in step', inStep, 20_000);
  const known = async () => (await cli(port, 'sentinel', 'replicas', 'gate')).includes(`${replica.port}`);
  await until('the replica', known, 20_000);
  const promoted = async () =>
    (await cli(port, 'sentinel', 'get-master-addr-by-name', 'gate')).includes(`${replica.port}`);
  return {
    url: `redis+sentinel://127.0.0.1:${port}/gate`,
    primary,
    replica,
    untilPromoted: () => until('the fail-over', promoted, 30_000).then(() => {}),
  };
}

export interface TestCluster {
  url: string;
  nodes: readonly TestRedis[];
}

/** A Redis Cluster of three nodes that take writes. */
export async function startCluster(t: Teardown): Promise<TestCluster> {
  const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  const nodes = await Promise.all([startRedis(...cluster), startRedis(...cluster), startRedis(...cluster)]);
  for (const node of nodes) t.teardown(() => node.stop());
  const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...hosts, '--cluster-yes']);
  const isOk = async ({ port }: TestRedis) =>
    (await cli(port, 'cluster', 'info')).includes('cluster_state:ok');
  await until('the cluster', async () => (await Promise.all(nodes.map(isOk))).every(Boolean), 20_000);
  return { url: `redis+cluster://${hosts.join(',')}`, nodes };
}
