import type { DestinationStream } from 'pino';
import { escapeLine } from '../control-characters.ts';

/**
 * Makes plain text of lines of JSON, for those who read the lines of requests in the combined format: in the way of
 * Apache's log of errors, and in one line each. It begins with `[`, which no line of a request does.
 */
export function textLines(to: DestinationStream): DestinationStream {
  return {
    write(line) {
      const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
      let text = `[${time}] [${level}] ${escapeLine(String(msg ?? ''))}`;
      for (const [name, value] of Object.entries(fields))
        text += ` ${escapeLine(name)}=${escapeLine(JSON.stringify(value))}`;
      to.write(`${text}\n`);
    },
  };
}
