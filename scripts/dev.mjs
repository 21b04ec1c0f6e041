import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, installDependencies, root } from './prepare.mjs';

/** `npm run dev`: compiles on every change and restarts the demo, or the command given after `--`. */
installDependencies();
build(['src']);

const args = process.argv.slice(2);
const compiler = startNode(
  join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
  '--watch',
  '--preserveWatchOutput',
);
const program = startNode(
  '--watch',
  '--watch-preserve-output',
  join(root, 'dist', 'src', 'main.js'),
  ...(args.length > 0 ? args : ['demo']),
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
for (const child of [compiler, program]) child.on('exit', stop);

/** In a process group of its own, so that Ctrl-C comes here alone and each is asked to stop just once. */
function startNode(...parameters) {
  return spawn(process.execPath, parameters, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
}

function stop() {
  // The compiler is a program below a Node that passes no signal on; the watching Node does pass it on.
  if (compiler.exitCode === null && compiler.signalCode === null) process.kill(-compiler.pid, 'SIGTERM');
  if (program.exitCode === null && program.signalCode === null) program.kill('SIGTERM');
}
