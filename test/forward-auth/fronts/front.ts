import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Running } from '../../support/applications/application.ts';

/** What a front is started with. */
export interface ProxyPlace {
  port: number;
  folder: string;
  /** Host and port of the gateway, and of the application behind the front. */
  gateway: string;
  application: string;
  /**
   * Copies a file of config/forward-auth to the folder, with this test's addresses instead of the documented
   * ones; `change` does what else the front needs.
   * @returns its path
   */
  place(name: string, change?: (text: string) => string): Promise<string>;
}

/** How a front is used: it asks and forwards by itself, or the gateway stands behind it and does all. */
export type Mode = 'asks' | 'terminates';

/** A program in front of the gateway. */
export interface Front {
  name: string;
  /** What it says of its own version; throws where it is not there. */
  version(): string;
  /**
   * Starts it.
   * @param options.http2 it speaks HTTP/2 in clear text on its port
   */
  start(place: ProxyPlace, options: { mode: Mode; http2?: boolean }): Promise<Running>;
  /** What it cannot do, by the row of the table, and why. */
  limits?: Readonly<Record<string, string>>;
}

const documented = new URL('../../../../config/forward-auth/', import.meta.url);

/** The place of a front that a test starts. */
export function placeFor(at: Omit<ProxyPlace, 'place'>): ProxyPlace {
  return {
    ...at,
    async place(name, change = (text) => text) {
      const text = (await readFile(new URL(name, documented), 'utf8'))
        .replaceAll('127.0.0.1:4180', at.gateway)
        .replaceAll('127.0.0.1:8081', at.application)
        .replaceAll('app.example.com', '127.0.0.1');
      const path = join(at.folder, name);
      await writeFile(path, change(text));
      return path;
    },
  };
}

/** Replaces what has to be there; throws where it is not, so that a file that changed is not run half changed. */
export function replaced(text: string, ...pairs: [what: string | RegExp, by: string][]): string {
  let result = text;
  for (const [what, by] of pairs) {
    const pattern = typeof what === 'string' ? what : new RegExp(what.source, 'gm');
    if (result.replaceAll(pattern, () => '') === result) {
      throw new Error(`${what} is not in the file`);
    }
    result = result.replaceAll(pattern, () => by);
  }
  return result;
}
