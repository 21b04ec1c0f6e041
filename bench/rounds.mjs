import { measureWindow, warm } from './measure/window.mjs';

/** A subject that fails, such as by a port that another program took first, is tried again so often. */
const mostTries = 3;

/**
 * Measures every subject of a plan, all of them in each round, in turns, so that what drifts in the machine
 * meets all of them alike. Each starts as a fresh process; every second round goes through them in reverse.
 * @param plan.entries the subjects, each with the scenarios that it takes part in once it is warm
 * @param plan.fresh a scenario that is measured before it is, if any
 * @returns for each scenario's name, a map from subject to figures for each round
 */
export async function measureRounds(plan, { rounds, quiet, parties, report }) {
  const results = new Map();
  const keep = (round, scenario, subject, figures) => {
    const ofScenario = results.get(scenario.name) ?? Array.from({ length: rounds }, () => new Map());
    results.set(scenario.name, ofScenario);
    ofScenario[round].set(subject.name, figures);
    report(`round ${round + 1}: ${subject.name}, ${scenario.title}: ${inWords(scenario, figures)}`);
  };
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? plan.entries : plan.entries.toReversed();
    for (const { subject, scenarios } of order) {
      await patiently(subject, report, async () => {
        const target = await subject.start(parties);
        try {
          const measure = async (scenario) => {
            const figures = await measureWindow(target, scenario, quiet);
            keep(round, scenario, subject, { ...figures, firstAnswerMs: target.firstAnswerMs });
          };
          if (plan.fresh) await measure(plan.fresh);
          await warm(target);
          for (const scenario of scenarios) await measure(scenario);
        } finally {
          await target.stop();
        }
      });
    }
  }
  return results;
}

/** Tries again where something went wrong; goes on without it in the end, so that the rest of a long run is kept. */
async function patiently(subject, report, work) {
  for (let tries = 1; tries <= mostTries; tries++) {
    try {
      await work();
      return;
    } catch (error) {
      report(`${subject.name}, try ${tries} of ${mostTries}: ${error.message}`);
    }
  }
}

function inWords({ rate }, { perSecond, cpuUs, p50, p99, noise, slowness }) {
  const speed = rate ? `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms` : `${Math.round(perSecond)}/s`;
  return `${cpuUs.toFixed(1)} µs of CPU, ${speed}, noise ${(noise * 100).toFixed(1)} %, memory × ${slowness.toFixed(1)}`;
}
