import { Duplex } from 'node:stream';

/** A field of a head, its name in lower case; pseudo header fields come first (RFC 9113 §8.3). */
export type Field = readonly [name: string, value: string];

export interface Head {
  status: number;
  fields: readonly Field[];
}

/** One end of a stream as of HTTP/2, without a connection: bytes both ways, each way with its own end. */
class End extends Duplex {
  peer: End | undefined;
  #goOn: (() => void) | undefined;

  override _read(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const { peer } = this;
    if (!peer || peer.destroyed || peer.push(chunk)) done();
    else peer.#goOn = done;
  }

  override _final(done: () => void): void {
    this.peer?.push(null);
    done();
  }

  /** Of what was not whole, the other end has to know that no more comes: RST_STREAM. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const isWhole = this.readableEnded && this.writableFinished;
    if (!isWhole) process.nextTick(() => this.peer?.destroy());
    done(error);
  }
}

/** The server's end, with the frames that are no data. */
export interface ServerStream {
  readonly bytes: Duplex;
  /** The request has no body: its head ended the stream. */
  readonly isBodiless: boolean;
  head(head: Head): void;
  trailers(fields: readonly Field[]): void;
}

/** The client's end, and what came of the answer beside its bytes. */
export interface ClientStream {
  readonly bytes: Duplex;
  /** Interim heads, and the one of the answer. */
  readonly heads: Head[];
  readonly trailers: Field[];
}

export function openStream(isBodiless: boolean): { client: ClientStream; server: ServerStream } {
  const [near, far] = [new End(), new End()];
  [near.peer, far.peer] = [far, near];
  const client: ClientStream = { bytes: near, heads: [], trailers: [] };
  if (isBodiless) near.end();
  const server: ServerStream = {
    bytes: far,
    isBodiless,
    head: (head) => void client.heads.push(head),
    trailers: (fields) => void client.trailers.push(...fields),
  };
  return { client, server };
}
