import { type Test, test } from 'tap';
import type { Revocation } from '../../src/session/revocations.ts';
import type {
  ListingChange,
  Listings,
  Posted,
  Shared,
  Unrepeatable,
} from '../../src/session/shared/shared.ts';
import { until } from '../support/until.ts';

/** A process of the gateway, as far as it shares things with others. */
export interface ContractProcess extends Shared {
  get(id: string): Promise<string | undefined>;
  set(id: string, value: string, ttlSeconds: number): Promise<void>;
  replace(id: string, was: string, value: string, ttlSeconds: number): Promise<boolean>;
  delete(id: string): Promise<void>;
  putListing: Listings['put'];
  listingsUnder: Listings['under'];
  getListing: Listings['get'];
  removeListing: Listings['remove'];
  publish(revocation: Revocation): Promise<void>;
  /** The keys of all sign-outs that it knows of. */
  revoked(): Promise<string[]>;
  /** It ends without a word, in the middle of what it does. */
  kill(): Promise<void>;
}

/** One store and the processes that share it. */
export interface ContractScene {
  /** Another process; of an instance of its own unless it is said to be of the same as those before. */
  join(gateway?: string): Promise<ContractProcess>;
  /** Time passes at once, for the processes and for what they share. */
  pass(ms: number): Promise<void>;
}

export type OpenScene = (t: Test) => Promise<ContractScene>;

const minute = 60_000;
/** Sooner than anybody asks again of himself: what is known by then was told. */
const soonMs = 4000;
const longLived = { lingerMs: 30_000 };
const sentOnce = { lost: 'lost', forMs: 60 * minute, heldBy: 'process' } as const;

/** Work that a test lets end, and that counts how often it was begun. */
function heldWork(posted: Posted) {
  let letEnd: (error?: Error) => void = () => {};
  const previous: (string | undefined)[] = [];
  const work = (last: string | undefined): Promise<Posted> => {
    previous.push(last);
    return new Promise((resolve, reject) => {
      letEnd = (error) => (error ? reject(error) : resolve(posted));
    });
  };
  return {
    work,
    previous,
    begun: () => until('the work to begin', () => previous.length > 0, 20_000),
    end: (error?: Error) => letEnd(error),
  };
}

const never = (): Promise<Posted> => Promise.reject(new Error('it must not be begun'));
const quick = (value: string, more: Partial<Posted> = {}) => ({
  work: async (): Promise<Posted> => ({ value, ...longLived, ...more }),
});

/**
 * What every store promises, whatever it is.
 * @param isOneProcess whose end takes everything with it
 */
export function testStore(name: string, open: OpenScene, isOneProcess = false): void {
  const row = (promise: string, check: (t: Test, scene: ContractScene) => Promise<void>) =>
    test(`${name}: ${promise}`, async (t) => check(t, await open(t)));
  testTurns(row);
  if (!isOneProcess) testDeadHolders(row);
  testTableAndClaims(row);
  testSignOuts(row);
}

type Row = (promise: string, check: (t: Test, scene: ContractScene) => Promise<void>) => void;

function testTurns(row: Row): void {
  row('work is done once, and everybody gets its value', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    const held = heldWork({ value: 'result', ...longLived, afterwards: { value: 'mark', forMs: minute } });
    const asked = [first, second, first, second].map((each) => each.once('key', held.work, sentOnce));
    await held.begun();
    held.end();
    t.strictSame(await Promise.all(asked), ['result', 'result', 'result', 'result']);
    t.equal(held.previous.length, 1);
    t.equal(await second.once('key', never), 'result', 'who comes late gets it too');
    await scene.pass(31_000);
    t.equal(await first.once('key', never), 'mark', 'and then the mark that says that it was done');
    t.equal(await second.once('key', never), 'mark');
    await scene.pass(minute);
    t.equal(await second.once('key', quick('again').work), 'again', 'for as long as it counts');
  });

  row('who waits is woken, and does not look again and again', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    const waits: number[] = [];
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      const held = heldWork({ value: key, ...longLived });
      const doing = first.once(key, held.work);
      await held.begun();
      const waiting = second.once(key, never);
      await until('it to wait', () => new Promise<boolean>((resolve) => setImmediate(resolve, true)));
      const endedAt = performance.now();
      held.end();
      t.equal(await waiting, key);
      waits.push(performance.now() - endedAt);
      await doing;
    }
    // One that looked every 500 ms would be quick once in five by luck, not in most.
    t.ok((waits.sort((a, b) => a - b)[2] ?? 0) < 150, `${waits.map(Math.round)} ms`);
  });

  row('work that fails frees its turn: who waits does it', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    const held = heldWork({ value: 'never', ...longLived });
    const failing = first.once('key', held.work, sentOnce);
    const failed = t.rejects(failing, { message: 'did not work' });
    await held.begun();
    const waiting = second.once('key', quick('worked').work, sentOnce);
    held.end(new Error('did not work'));
    await failed;
    t.equal(await waiting, 'worked');
  });

  row('what is remembered is told to whoever does the work again', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    await first.once('key', quick('one', { lingerMs: 1000, rememberMs: minute }).work);
    await scene.pass(2000);
    const next = heldWork({ value: 'two', lingerMs: 1000, rememberMs: minute });
    const doing = second.once('key', next.work);
    await next.begun();
    next.end();
    t.equal(await doing, 'two');
    await scene.pass(2000 + minute);
    const last = heldWork({ value: 'three', lingerMs: 1000 });
    const again = first.once('key', last.work);
    await last.begun();
    last.end();
    await again;
    t.strictSame([...next.previous, ...last.previous], ['one', undefined]);
  });

  row('what is settled stands in place of the value', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    await first.once('key', quick('new', { lingerMs: 10 * minute }).work);
    t.equal(await second.once('key', never), 'new');
    first.settle('key', { value: 'settled', lingerMs: 1000, afterwards: { value: 'mark', forMs: minute } });
    await until('it', async () => (await second.once('key', never)) === 'settled');
    await scene.pass(2000);
    t.equal(await second.once('key', never), 'mark');
  });

  row('whoever works for long keeps the turn', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    const held = heldWork({ value: 'result', ...longLived });
    const doing = first.once('key', held.work);
    await held.begun();
    const waiting = second.once('key', never);
    for (let round = 0; round < 4; round++) await scene.pass(2000);
    held.end();
    t.strictSame(await Promise.all([doing, waiting]), ['result', 'result']);
  });
}

function testDeadHolders(row: Row): void {
  const begin = async (scene: ContractScene, gateway: string | undefined, how?: Unrepeatable) => {
    const holder = await scene.join(gateway);
    const held = heldWork({ value: 'never told', ...longLived });
    holder.once('key', held.work, how).catch(() => {});
    await held.begun();
    return holder;
  };

  row('a holder that dies takes no turn with it', async (t, scene) => {
    const other = await scene.join();
    const holder = await begin(scene, undefined);
    await holder.kill();
    await scene.pass(4000);
    t.equal(await other.once('key', quick('done').work), 'done');
  });

  row('what must not be done twice is not begun again when its holder dies', async (t, scene) => {
    const other = await scene.join();
    const holder = await begin(scene, undefined, sentOnce);
    await holder.kill();
    await scene.pass(70_000);
    t.equal(await other.once('key', never, sentOnce), 'lost');
    t.equal(await (await scene.join()).once('key', never, sentOnce), 'lost');
  });

  row('what the gateway keeps, another of its processes goes on with', async (t, scene) => {
    const kept = { ...sentOnce, heldBy: 'gateway' } as const;
    const other = await scene.join('one');
    const holder = await begin(scene, 'one', kept);
    await holder.kill();
    await scene.pass(4000);
    t.equal(await other.once('key', quick('went on').work, kept), 'went on');
  });
}

function testTableAndClaims(row: Row): void {
  row('sessions are found by every process until they end', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    await first.set('id', 'sealed', 60);
    t.equal(await second.get('id'), 'sealed');
    await second.set('id', 'sealed anew', 60);
    await until('the new one', async () => (await first.get('id')) === 'sealed anew', soonMs);
    await first.set('gone', 'x', 60);
    await second.delete('gone');
    await until('the end', async () => (await first.get('gone')) === undefined, soonMs);
    await scene.pass(61_000);
    t.equal(await first.get('id'), undefined);
  });

  row('of two who change what they have read, the second is told so', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    await first.set('id', 'sealed', 60);
    t.equal(await second.replace('id', 'sealed', 'by the second', 60), true);
    t.equal(await first.replace('id', 'sealed', 'by the first', 60), false);
    await until('what stands there', async () => (await first.get('id')) === 'by the second', soonMs);
    await second.delete('id');
    t.equal(await first.replace('id', 'by the second', 'back again', 60), false, 'nothing comes back');
    t.equal(await second.get('id'), undefined);
  });

  row(
    'listings are found by every process under what they stand, until their session ends',
    async (t, scene) => {
      const [first, second] = [await scene.join(), await scene.join()];
      const listing = (name: string, under: string[], value = `of ${name}`) => ({
        ...{ name, under, value },
        place: `place of ${name}`,
        ttlSeconds: 60,
      });
      const put = async (name: string, under: string[], change: Partial<ListingChange> = {}) => {
        await first.set(`place of ${name}`, 'sealed', 60);
        const value = change.gone ? 'anew' : undefined;
        await first.putListing(listing(name, under, value), { added: under, gone: [], ...change });
      };
      await put('one', ['ada', 'a@example.com']);
      await put('two', ['ada']);
      await put('three', ['grace']);
      const under = async (...keys: string[]) => (await second.listingsUnder(keys)).sort();
      t.strictSame(await under('ada', 'a@example.com', 'nobody'), [
        ['one', 'of one'],
        ['two', 'of two'],
      ]);
      t.strictSame(await under(), []);
      t.equal(await second.getListing('three'), 'of three');
      t.equal(await second.getListing('four'), undefined);
      const change = { added: ['b@example.com'], gone: ['a@example.com'] };
      await put('one', ['ada', 'b@example.com'], change);
      t.strictSame(await under('a@example.com'), []);
      t.strictSame(await under('b@example.com'), [['one', 'anew']]);
      await second.delete('place of two');
      await second.removeListing({ name: 'two', place: 'place of two', under: ['ada'] });
      t.strictSame(await under('ada'), [['one', 'anew']]);
      await scene.pass(61_000);
      t.strictSame(await under('ada', 'grace'), []);
      t.equal(await second.getListing('three'), undefined);
    },
  );

  row('a name is taken once, for a while', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    const claims = await Promise.all([first, second, first].map((each) => each.claim('name', 5000)));
    t.equal(claims.filter(Boolean).length, 1);
    t.equal(await second.claim('another', 5000), true);
    await scene.pass(6000);
    t.equal(await second.claim('name', 5000), true);
  });
}

function testSignOuts(row: Row): void {
  row('a sign-out reaches every process, and those that start later', async (t, scene) => {
    const [first, second] = [await scene.join(), await scene.join()];
    const now = Date.now() / 1000;
    for (const proven of [true, false]) {
      const key = proven ? 'proven' : 'claimed';
      await first.publish({ key, before: now, until: Math.ceil(now) + 3600, proven });
    }
    t.strictSame((await first.revoked()).sort(), ['claimed', 'proven']);
    await until('the other', async () => (await second.revoked()).length === 2);
    const third = await scene.join();
    await until('a third', async () => (await third.revoked()).length === 2);
  });
}
