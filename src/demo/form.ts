import type { IncomingMessage } from 'node:http';

/** Reads the fields of a form that was POSTed. Rejects when it is longer than so many bytes. */
export async function readForm(request: IncomingMessage, mostBytes: number): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes) throw new Error('the form is too large');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}
