import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Running, startOnFreePort } from '../../../support/applications/application.ts';
import { freePort } from '../../../support/free-port.ts';
import type { Mouth, Program } from '../reader.ts';
import { writeTree } from '../tree.ts';

/** A place for one start of a program: its own folder, with the tree of marker files in `tree`. */
export interface Place {
  folder: string;
  tree: string;
  /** One for each mouth, in their order. */
  ports: readonly number[];
}

/** Starts a program that listens on a port for each mouth; tried again where another took a port in between. */
export async function startWithPorts(
  mouths: readonly Omit<Mouth, 'port'>[],
  start: (place: Place) => Promise<Running>,
): Promise<Program> {
  let ports: number[] = [];
  const application = await startOnFreePort(async (port, folder) => {
    ports = [port];
    while (ports.length < mouths.length) ports.push(await freePort());
    const tree = join(folder, 'tree');
    await mkdir(tree);
    await writeTree(tree);
    return start({ folder, tree, ports });
  });
  return {
    mouths: mouths.map((mouth, index) => ({ ...mouth, port: ports[index] ?? 0 })),
    stop: application.stop,
  };
}
