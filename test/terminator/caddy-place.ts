import type { FrontPlace } from '../support/fronts.ts';

/** The documented file, for Caddy in a folder of its own. */
export const placeCaddy = (text: string, { port, folder }: FrontPlace): string =>
  text
    .replace(
      '\tservers {',
      `\tadmin off\n\tdefault_sni 127.0.0.1\n\tstorage file_system ${folder}\n\tservers {`,
    )
    .replace('app.example.com {', `https://127.0.0.1:${port} {\n\tbind 127.0.0.1`)
    .replace('X-Forwarded-Port 443', `X-Forwarded-Port ${port}`);
