import { request } from 'node:http';
import { type AdminOptions, adminText, connectableAddress, findAdmin } from './find-admin.ts';

export type { AdminOptions } from './find-admin.ts';

/** What the admin listener of a gateway answered. */
export interface AdminAnswer {
  status: number;
  /** Undefined where it was no JSON. */
  json: unknown;
}

/** A gateway that runs, as its admin listener lets others see it. */
export interface AdminClient {
  /** Where it is, for people to read. */
  address: string;
  /** Rejects with Unreachable when there is no answer. */
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, needs?: AskOptions): Promise<AdminAnswer>;
}

export interface AskOptions {
  /** It changes something, or names people, and so takes the token. */
  isOperator?: boolean;
  /** Milliseconds without a byte of an answer. */
  timeout?: number;
}

/** Nobody answers there. */
class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export const exitCodes = { done: 0, refused: 1, unreachable: 2 } as const;

const standardTimeoutMs = 10_000;
const largestAnswer = 16 * 1024 * 1024;

/** Finds the gateway that goes by a configuration. Rejects with Unreachable when that does not say where it is. */
async function connectAdmin(options: AdminOptions, env: NodeJS.ProcessEnv): Promise<AdminClient> {
  const { address: configured, token } = await findAdmin(options, env).catch((error: unknown) => {
    throw new Unreachable((error as Error).message);
  });
  const address = connectableAddress(configured);
  const shown = adminText(address);
  const to = 'path' in address ? { socketPath: address.path } : address;
  return {
    address: shown,
    ask: (method, path, { isOperator = false, timeout = standardTimeoutMs } = {}) => {
      const shownToken = isOperator && !('path' in address) ? token() : undefined;
      const headers = {
        // Whatever the name by which it was found, it knows itself by this one.
        host: 'localhost',
        accept: 'application/json',
        ...(shownToken !== undefined && { authorization: `Bearer ${shownToken}` }),
      };
      return send({ ...to, method, path, headers, timeout, agent: false }, shown);
    },
  };
}

function send(options: Parameters<typeof request>[1] & object, shown: string): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) =>
      reject(new Unreachable(`no answer from ${shown}: ${error.code ?? error.message}`));
    const asked = request(options, (answer) => {
      const chunks: Buffer[] = [];
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > largestAnswer) answer.destroy(new Error('the answer is too large'));
        chunks.push(chunk);
      });
      answer.on('error', failed);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, json: jsonIn(Buffer.concat(chunks).toString()) }),
      );
    });
    asked.on('timeout', () => asked.destroy(new Error('it took too long')));
    asked.on('error', failed);
    asked.end();
  });
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The members of an answer, for those that are problems too. */
export const membersOf = ({ json }: AdminAnswer): Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};

/** What an answer says that refuses. */
export function refusalIn(answer: AdminAnswer): string {
  const { detail, code } = membersOf(answer);
  return typeof detail === 'string' ? `${detail} (${answer.status} ${code})` : `it answered ${answer.status}`;
}

/** Runs a command that asks a gateway; gives the exit code. */
export async function withAdmin(
  options: AdminOptions,
  run: (admin: AdminClient) => Promise<number>,
): Promise<number> {
  try {
    return await run(await connectAdmin(options, process.env));
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    console.error(error.message);
    return exitCodes.unreachable;
  }
}
