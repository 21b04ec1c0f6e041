import type { Places } from './places.ts';

/** What becomes of one of two targets. */
export interface Fault {
  key: string;
  title: string;
  /** Its name leads to another address then. */
  isMove: boolean;
  /** Whose answers are wrong from then on. */
  wrong?: string;
  happen(places: Places): Promise<void> | void;
}

export const faults: readonly Fault[] = [
  {
    key: 'frozen',
    title: 'frozen (`SIGSTOP`): connections are taken, and nothing is answered',
    isMove: false,
    happen: ({ second }) => second.freeze(),
  },
  { key: 'killed', title: 'killed (`SIGKILL`)', isMove: false, happen: ({ second }) => second.kill() },
  {
    key: 'slow',
    title: 'slow: each answer takes three seconds',
    isMove: false,
    happen: ({ second }) => second.be('slow'),
  },
  {
    key: 'status-500',
    title: 'answers 500, its health check included',
    isMove: false,
    happen: ({ second }) => second.be('500'),
  },
  {
    key: 'moved',
    title: 'its name leads to another address, and the place of before goes on to answer',
    isMove: true,
    wrong: 'second',
    happen: ({ move }) => move(),
  },
  {
    key: 'moved-killed',
    title: 'the same, and the place of before is killed',
    isMove: true,
    async happen({ move, second }) {
      await move();
      await second.kill();
    },
  },
  {
    key: 'moved-frozen',
    title: 'the same, and the place of before is frozen',
    isMove: true,
    async happen({ move, second }) {
      await move();
      second.freeze();
    },
  },
];
