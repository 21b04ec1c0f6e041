import { fileURLToPath } from 'node:url';
import { runCommand } from '../process.mjs';

const script = fileURLToPath(new URL('load.lua', import.meta.url));

/**
 * One window of load by wrk, on one thread.
 * @param target the port, and the headers that go with each request
 * @param load.rate requests a second over all connections, by a pause after each answer; 0 without any pause
 * @param load.upload bytes that each request carries
 * @returns requests, seconds, bytes, failed, and the latencies p50, p99 and max in milliseconds
 */
export async function runWrk(target, { path, connections, seconds, rate = 0, upload = 0 }) {
  const headers = Object.entries(target.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const size = ['-t1', `-c${connections}`, `-d${seconds}s`];
  const url = `http://127.0.0.1:${target.port}${path}`;
  const args = ['-s', script, ...size, ...headers, url, '--', String(upload), String(rate / connections)];
  const output = await runCommand('wrk', args);
  return JSON.parse(output.slice(output.lastIndexOf('\n{') + 1));
}
