import { request } from 'node:http';

/** The lines of a scrape that are values, by what stands before the value. */
export type Scrape = ReadonlyMap<string, number>;

export function readScrape(text: string): Scrape {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line): [string, number] => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
  );
}

/** Scrapes as Prometheus does. */
export function scrape(adminUrl: string, headers: Record<string, string> = {}): Promise<Scraped> {
  return new Promise((resolve, reject) => {
    request(`${adminUrl}/metrics`, { agent: false, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          type: answer.headers['content-type'],
          text,
          values: readScrape(text),
        }),
      );
    })
      .on('error', reject)
      .end();
  });
}

export interface Scraped {
  status: number;
  type: string | undefined;
  text: string;
  values: Scrape;
}

/** The sum of all series of a metric whose labels have this in them. */
export function sumOf(values: Scrape, name: string, label = ''): number {
  let sum = 0;
  for (const [series, value] of values)
    if ((series === name || series.startsWith(`${name}{`)) && series.includes(label)) sum += value;
  return sum;
}
