import { parentPort, workerData } from 'node:worker_threads';
import { differencesOf } from '../plan/differences.ts';
import { compilePlan, type Plan } from '../plan/plan.ts';
import { fixedKeys } from './differences.ts';
import type { SentVersion } from './questions.ts';
import { readSent } from './version.ts';

const [before, after] = (workerData as SentVersion[]).map((sent): Plan => {
  const { config, files } = readSent(sent, process.env);
  return compilePlan(config, { read: files.read });
});
if (before && after) parentPort?.postMessage(differencesOf(before, after, { fixed: fixedKeys }));
