import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../support/free-port.ts';
import { providerFound } from '../../support/provider-found.ts';
import { countRefreshes, signIn, startApplication, startRotatingProvider } from './arrange.ts';
import { createAsker } from './ask.ts';
import { type Failure, startLoad } from './load.ts';
import { type GatewayProcess, type Held, type Measured, startGatewayProcess } from './process.ts';
import { openSockets } from './sockets.ts';
import { createVariants, type Variant } from './variants.ts';

export interface RunOptions {
  reloads: number;
  workers: number;
  /** Requests a second. */
  rate: number;
  people: number;
  sockets: number;
  /** Seconds that an access token lasts. */
  tokenSeconds: number;
  /** The reload after which memory and descriptors are measured for the first time. */
  measuredAt: number;
  /** How long nothing is asked before they are. */
  restMs: number;
  report?(line: string): void;
}

/** What came of a run. */
export interface Figures {
  workers: number;
  reloads: number;
  /** How many of them were refused, as they should be. */
  refused: number;
  /** How many were asked for at the admin endpoints; the others by the signal. */
  posted: number;
  /** Why those that should have been were not; undefined for nothing. */
  notPosted: string | undefined;
  /** What was not as it should be of a reload: refused or taken in vain, or without a word of why. */
  wrong: readonly string[];
  requests: number;
  failures: readonly Failure[];
  p99: number;
  socketsCut: number;
  refreshes: number;
  /** Refresh tokens that were sent twice. */
  secondRefreshes: readonly string[];
  /** Lines of the log that say that a session ended, or that something failed. */
  complaints: readonly string[];
  before: Measured;
  after: Measured;
  seconds: number;
}

/** What was asked of a server that is about to end is not waited for longer. */
const closeWithinMs = 20_000;

/** Reloads a gateway again and again, while people use it. */
export async function runReloads(options: RunOptions): Promise<Figures> {
  const { workers, people: count, rate, report = () => {} } = options;
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-reloads-'));
  const closing: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const provider = await startRotatingProvider(count, options.tokenSeconds);
    closing.push(() => provider.stop());
    const upstreams = [await startApplication(), await startApplication()] as const;
    for (const upstream of upstreams) closing.push(() => upstream.close());
    const listen = `127.0.0.1:${await freePort()}`;
    const url = `http://${listen}`;
    provider.allowRedirectsTo(url);
    const variant = createVariants({
      listen,
      spare: `127.0.0.1:${await freePort()}`,
      taken: new URL(upstreams[0].url).host,
      admin: join(folder, 'admin.sock'),
      targets: [upstreams[0].url, upstreams[1].url],
      provider,
      workers,
    });
    const file = join(folder, 'sallyport.yaml');
    await writeFile(file, variant(0).text, { mode: 0o600 });
    const gateway = await startGatewayProcess(file, workers);
    closing.push(() => gateway.stop());
    await providerFound(url);
    const people = await signIn(url, provider, count);
    for (const client of people.values()) closing.push(() => client.close());
    const refreshes = countRefreshes(provider);
    const sockets = await openSockets(url, options.sockets, [...people.values()]);
    closing.push(() => sockets.close());

    const taken = new Set([0]);
    const judge = (body: string) => {
      const [number = ''] = body.split(' ');
      return taken.has(Number(number)) ? undefined : `it went by file ${number}, which is not in force`;
    };
    const load = startLoad({ url, people, rate, judge });
    closing.push(() => load.stop());
    const begun = performance.now();
    const rest = async () => {
      await load.pause();
      // Those that wait for a next request are no more than the load has left.
      for (const upstream of upstreams) upstream.server.closeIdleConnections();
      // V8 takes its time with garbage, and how much of it there is says nothing of reloads.
      const needed = await gateway.needed();
      const held = await leastHeld(gateway, options.restMs);
      load.resume();
      return { ...held, needed };
    };
    const asker = createAsker(gateway.pid, join(folder, 'admin.sock'));
    const wrong: string[] = [];
    let refused = 0;
    let before: Measured = { rss: 0, each: [], descriptors: 0, needed: 0 };
    for (let number = 1; number <= options.reloads; number++) {
      const next = variant(number);
      // It is in force before anybody here hears of it.
      if (!next.broken) taken.add(number);
      const problem = await reloadWith(next, file, gateway, () => asker.ask(number));
      if (problem !== undefined) wrong.push(`file ${number}: ${problem}`);
      if (next.broken) refused += 1;
      for (const upstream of upstreams) upstream.requests.length = 0;
      if (number === options.measuredAt) before = await rest();
      if (number % 100 === 0)
        report(`${number} reloads, ${load.sent()} requests, ${load.failures().length} failed`);
    }
    const after = await rest();
    // One last round, so that what the last file broke is seen.
    await wait(1000);
    await load.stop();
    return {
      workers,
      reloads: options.reloads,
      refused,
      posted: asker.posted(),
      notPosted: asker.problem(),
      wrong,
      requests: load.sent(),
      failures: load.failures(),
      p99: load.p99(),
      socketsCut: sockets.cut(),
      ...refreshes(),
      complaints: complaintsOf(gateway),
      before,
      after,
      seconds: (performance.now() - begun) / 1000,
    };
  } finally {
    for (const close of closing.reverse()) {
      const isClosed = await Promise.race([
        Promise.resolve(close()).then(() => true),
        wait(closeWithinMs, false),
      ]);
      if (!isClosed) report(`it did not close: ${close}`);
    }
  }
}

/** Writes a file and has it read; gives what is wrong with what came of it. */
async function reloadWith(
  { text, broken }: Variant,
  file: string,
  gateway: GatewayProcess,
  ask: () => Promise<unknown>,
): Promise<string | undefined> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
  const coming = gateway.outcome();
  await ask();
  const { isRefused, problems } = await coming;
  if (!broken) return isRefused ? `refused: ${problems.join('; ')}` : undefined;
  if (!isRefused) return 'taken, though it does not hold';
  const isNamed = problems.some((problem) => broken.test(problem));
  return isNamed ? undefined : `the refusal does not name ${broken}: ${problems.join('; ')}`;
}

/** The least of some looks: memory is given back, and connections are closed, when nothing happens. */
async function leastHeld(gateway: GatewayProcess, restMs: number): Promise<Held> {
  let least = gateway.held();
  for (const end = performance.now() + restMs; performance.now() < end; ) {
    await wait(500);
    const held = gateway.held();
    const descriptors = Math.min(least.descriptors, held.descriptors);
    least = { ...(held.rss < least.rss ? held : least), descriptors };
  }
  return least;
}

function complaintsOf({ lines }: GatewayProcess): string[] {
  const expected = /^reload refused|^these keys stay/;
  const serious = lines.filter(
    ({ level, msg }) =>
      (level === 'error' || level === 'warn' || msg === 'session ended') && !expected.test(msg),
  );
  return serious.map((line) => JSON.stringify(line));
}
