import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ClientAuth } from 'openid-client';
import type { ProviderConfig } from '../../config/schema/index.ts';
import { ClientUnready } from './endpoint-error.ts';

type AssertionFile = NonNullable<ProviderConfig['clientAssertionFile']>;

const typePrefix = 'urn:ietf:params:oauth:client-assertion-type:';
/** No platform makes one of this size, and a wrong file may be of any. */
const largestBytes = 64 * 1024;

/**
 * Authenticates by an assertion that the platform makes and renews in a file (RFC 7523 §2.2): a service account token of
 * Kubernetes, a JWT-SVID of SPIFFE. It is read for each call, since it is good for minutes only.
 */
export function platformAssertion({ file, type }: AssertionFile): ClientAuth {
  return async (_server, { client_id: id }, body) => {
    const assertion = await readAssertion(file);
    body.set('client_id', id);
    body.set('client_assertion_type', typePrefix + type);
    body.set('client_assertion', assertion);
  };
}

/** Rejects with a ClientUnready that has nothing of the contents in it. */
export async function readAssertion(file: string): Promise<string> {
  const text = await read(file).catch(({ code = 'unreadable' }: NodeJS.ErrnoException) => {
    throw new ClientUnready(`clientAssertionFile: ${file} cannot be read (${code})`);
  });
  const assertion = text.trim();
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(assertion)) {
    throw new ClientUnready(`clientAssertionFile: there is no signed JWT in ${file}`);
  }
  return assertion;
}

/** A pipe would be waited for for ever, and a file without an end fill the memory. */
async function read(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw Object.assign(new Error('no file'), { code: 'no plain file' });
    const buffer = Buffer.alloc(largestBytes);
    const { bytesRead } = await handle.read(buffer, 0, largestBytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
