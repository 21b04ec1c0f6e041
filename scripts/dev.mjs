import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, installDependencies, root } from './prepare.mjs';

/** `npm run dev`: compiles on every change and restarts the demo, or the command given after `--`. */
installDependencies();
build(['src']);

const args = process.argv.slice(2);
const command = args.length > 0 ? args : ['demo'];
const children = [
  spawnNode([join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '--watch', '--preserveWatchOutput']),
  spawnNode(['--watch', '--watch-preserve-output', join(root, 'dist', 'src', 'main.js'), ...command]),
];

// In a terminal Ctrl-C reaches the children by itself; a signal to this process alone must be passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
for (const child of children) child.on('exit', stop);

function spawnNode(parameters) {
  return spawn(process.execPath, parameters, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
}

function stop() {
  for (const child of children) if (child.exitCode === null) child.kill('SIGTERM');
}
