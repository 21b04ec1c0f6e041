import { startOnFreePort } from '../support/applications/application.ts';
import type { Child } from '../support/child.ts';

/** A provider that is one program, which can be started again at its place. */
export interface ProviderServer {
  url: string;
  /** The program that runs now. */
  child(): Child;
  /** @param meanwhile done while it does not run */
  restart(meanwhile?: () => void): Promise<void>;
  /** As `RealProvider` has it. */
  freeze(): () => void;
  stop(): Promise<void>;
}

/** @param prepare writes what the program needs into a folder of its own; gives what starts it on that port */
export async function startServer(
  prepare: (port: number, folder: string) => () => Promise<Child>,
): Promise<ProviderServer> {
  let run: (() => Promise<Child>) | undefined;
  let running: Child | undefined;
  const application = await startOnFreePort(async (port, folder) => {
    run = prepare(port, folder);
    running = await run();
    return { stdout: [], stderr: [], stop: async () => running?.stop() };
  });
  const child = () => running as Child;
  return {
    url: application.url,
    child,
    async restart(meanwhile) {
      await running?.stop();
      meanwhile?.();
      running = await run?.();
    },
    freeze() {
      const { process } = child();
      process.kill('SIGSTOP');
      return () => void process.kill('SIGCONT');
    },
    stop: application.stop,
  };
}
