import { request } from 'node:http';

/** Asks for a reload: by the admin endpoints and by the signal in turn. Counts those of the first kind. */
export function createAsker(pid: number, socketPath: string) {
  let posted = 0;
  /** Undefined while it is not known to be wrong. */
  let problem: string | undefined;
  const post = async () => {
    const { status, text } = await postTo(socketPath, '/reload').catch((error: Error) => ({
      status: 0,
      text: error.message,
    }));
    const isAnswered = (status === 200 || status === 422) && !text.includes('was not started from a file');
    if (isAnswered) posted += 1;
    else problem = `POST /reload: ${status} ${text.slice(0, 200)}`;
  };
  return {
    posted: () => posted,
    problem: () => problem,
    async ask(number: number): Promise<void> {
      if (number % 2 === 0 && problem === undefined) await post();
      if (number % 2 === 1 || problem !== undefined) process.kill(pid, 'SIGHUP');
    },
  };
}

function postTo(socketPath: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, method: 'POST', agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}
