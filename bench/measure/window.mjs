import { request } from 'node:http';
import { runWrk } from '../load/wrk.mjs';
import { cpuSeconds, memoryBytes } from '../machine.mjs';
import { bodies } from '../parties.mjs';

/** Milliseconds after which a session counts as old. */
const oldAfterMs = 20_000;

async function signInAgain(target) {
  if (!target.signIn) return;
  target.headers = await target.signIn();
  target.signedInAt = performance.now();
}

/**
 * Replaces an old session. Gateways write down now and then when a session was last used, and give the browser
 * another cookie for it; the load tool would send the old one for ever, and have the new one made on every request.
 */
async function keepYoung(target) {
  if (performance.now() - target.signedInAt > oldAfterMs) await signInAgain(target);
}

/** A run of the load that a fresh process gets before it is measured, and how often it does where that is Node's. */
const warmUp = { path: '/1k', connections: 64, seconds: 2 };
const runsOnNode = 8;

/**
 * Load that nobody looks at: several runs on Node, and one elsewhere. Node compiles hot functions in several steps,
 * and throws them away when something comes that they had not met, so connections open and close here and people
 * sign in; a gateway that runs for weeks has that behind it.
 */
export async function warm(target) {
  for (let run = 0; run < (target.isOnNode ? runsOnNode : 1); run++) {
    await signInAgain(target);
    await runWrk(target, warmUp);
  }
}

/** One window of a scenario: what a request costs and how fast it was. */
export async function measureWindow(target, scenario, quiet) {
  await keepYoung(target);
  await expectAnswer(target, scenario);
  if (scenario.warmUp && target.isOnNode) await runWrk(target, { ...scenario, seconds: scenario.warmUp });
  const figures = await quiet.during(async () => {
    const before = cpuSeconds(target.pid);
    const { requests, seconds, bytes, failed, p50, p99 } = await runWrk(target, scenario);
    const cpu = cpuSeconds(target.pid) - before;
    const sent = (scenario.upload ?? 0) * requests;
    return {
      perSecond: requests / seconds,
      cpuUs: (cpu / requests) * 1e6,
      mbPerSecond: (bytes + sent) / seconds / 1e6,
      p50,
      p99,
      failed,
      memoryMb: memoryBytes(target.pid) / 1e6,
    };
  }, scenario.attempts);
  // A load tool takes a redirect to a login for an answer as good as any.
  await expectAnswer(target, scenario);
  if (figures.failed > 0) throw new Error(`${figures.failed} requests failed`);
  return figures;
}

/** Throws unless a request of the scenario is answered as it should be. */
async function expectAnswer(target, { path, upload = 0 }) {
  const { status, length } = await send(target, path, upload);
  if (status !== 200) throw new Error(`${path} is answered with ${status}`);
  if (upload === 0 && length !== bodies[path]) throw new Error(`${path} is answered with ${length} bytes`);
}

function send({ port, headers }, path, upload = 0) {
  return new Promise((resolve, reject) => {
    const method = upload > 0 ? 'POST' : 'GET';
    const options = { host: '127.0.0.1', port, path, method, headers, agent: false };
    request(options, (answer) => {
      let length = 0;
      answer.on('data', (chunk) => {
        length += chunk.length;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, length }));
      answer.on('error', reject);
    })
      .on('error', reject)
      .end(Buffer.alloc(upload));
  });
}
