import type { Duplex } from 'node:stream';

/** A client that follows the protocol sends nothing before its handshake is answered. */
const mostEarlyBytes = 64 * 1024;

/** Reading of a connection whose turn has not come. */
export interface EarlyBytes {
  /** Stops reading; gives what has come. */
  take(): Buffer;
}

/**
 * Reads a connection while its handshake waits: only who reads learns that the other side has left, and what comes
 * early belongs to the WebSocket. One that sends much is closed.
 * @param head what had come before
 * @param left the client has closed its connection, or its side of it; called once at most
 */
export function readEarly(socket: Duplex, head: Buffer, left: () => void): EarlyBytes {
  const chunks: Buffer[] = [head];
  let length = head.length;
  const stop = () => {
    socket.off('close', onEnd);
    socket.off('end', onEnd);
    socket.off('data', onData);
  };
  const onEnd = () => {
    stop();
    left();
  };
  const onData = (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > mostEarlyBytes) socket.destroy();
  };
  socket.on('close', onEnd);
  socket.on('end', onEnd);
  socket.on('data', onData);
  return {
    take() {
      stop();
      socket.pause();
      return Buffer.concat(chunks);
    },
  };
}
