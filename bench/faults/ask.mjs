import { request } from 'node:http';

/** Asks once, on a connection of its own. @returns the status, or why there is none */
export function ask(url, path, withinMs) {
  return new Promise((resolve) => {
    const asked = request(`${url}${path}`, { agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => done(answer.statusCode));
      answer.on('error', () => done('cut'));
    });
    const timer = setTimeout(() => done('no answer'), withinMs);
    const done = (result) => {
      clearTimeout(timer);
      asked.destroy();
      resolve(result);
    };
    asked.on('error', ({ code }) => done(code ?? 'error'));
    asked.end();
  });
}

/** Asks many times, some at once. @returns how many were answered with 200 */
export async function askMany(url, path, { times, atOnce, withinMs }) {
  let left = times;
  let answered = 0;
  const inTurn = async () => {
    while (left-- > 0) if ((await ask(url, path, withinMs)) === 200) answered += 1;
  };
  await Promise.all(Array.from({ length: atOnce }, inTurn));
  return answered;
}
