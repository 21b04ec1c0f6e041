import { lstat, rename, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import type { ListenAddress } from '../config/schema/index.ts';

/**
 * Removes the socket file of a process that was killed, so that its place can be taken. A file on which somebody
 * answers stays, and so does one that is no socket; listening there then fails and says so.
 * @param address a text, such as `off`, is no place to listen
 */
export async function removeStaleSocket(address: ListenAddress | string): Promise<void> {
  if (typeof address === 'string' || !('path' in address)) return;
  const { path } = address;
  if (!(await isSocket(path)) || !(await isDeserted(path))) return;
  // Another gateway may start at this moment and have taken the place since: what was moved is looked at again.
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
    if (await isDeserted(aside)) await unlink(aside);
    else await rename(aside, path);
  } catch {
    // Somebody else removed it, or may not be written here; listening tells.
  }
}

async function isSocket(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSocket();
  } catch {
    return false;
  }
}

/** Whether nobody listens on a socket file. */
function isDeserted(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    // Anything else, such as a full backlog or a missing permission, does not show that nobody is there.
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
