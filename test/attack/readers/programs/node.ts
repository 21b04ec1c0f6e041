import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from '../../../support/child.ts';
import type { Reader } from '../reader.ts';
import { writeTree } from '../tree.ts';

export const node: Reader = {
  name: 'Node.js',
  async start(seed = 1) {
    const tree = await mkdtemp(join(tmpdir(), 'sallyport-tree-'));
    await writeTree(tree);
    let ports: Record<string, number> = {};
    const script = fileURLToPath(new URL('node-app.js', import.meta.url));
    const child = await startChild(process.execPath, ['--no-deprecation', script, tree, String(seed)], {
      ready: ({ stdout }) => {
        const line = /^listening (\{.*\})$/m.exec(stdout.join(''))?.[1];
        ports = line === undefined ? {} : (JSON.parse(line) as Record<string, number>);
        return line !== undefined;
      },
    });
    return {
      mouths: Object.entries(ports).map(([name, port]) => ({ name, port })),
      async stop() {
        await child.stop();
        await rm(tree, { recursive: true, force: true });
      },
    };
  },
};
