import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, installDependencies, root } from './prepare.mjs';

/**
 * `npm start`: the demo, or with arguments any command (`npm start -- serve -c sallyport.yaml`), on a fresh
 * clone too. The program runs in this process, so that its signals and its exit code are the real ones; for
 * the same reason package.json says `exec`: a shell between npm and Node would keep SIGTERM to itself.
 */
installDependencies();
build(['src']);
dropRepeatedSignals();

const main = join(root, 'dist', 'src', 'main.js');
const args = process.argv.slice(2);
process.argv.splice(1, process.argv.length, main, ...(args.length > 0 ? args : ['demo']));
await import(pathToFileURL(main).href);

/**
 * Ctrl-C below npm arrives twice: from the terminal, and again from npm, which passes it on. To the program
 * a second signal means "now, not gracefully", so the echo is dropped; a second Ctrl-C of a person is later.
 */
function dropRepeatedSignals() {
  const echoMilliseconds = 500;
  const lastSeen = new Map();
  const emit = process.emit;
  process.emit = function (event, ...details) {
    if (event === 'SIGINT' || event === 'SIGTERM') {
      const now = performance.now();
      const isEcho = now - (lastSeen.get(event) ?? Number.NEGATIVE_INFINITY) < echoMilliseconds;
      if (isEcho) return true;
      lastSeen.set(event, now);
    }
    return emit.call(this, event, ...details);
  };
}
