import { readFileSync } from 'node:fs';

/** The processes that a process has started and that have not ended (Linux only). */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(/\s+/).filter(Boolean).map(Number);
}
