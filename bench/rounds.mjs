import { measureWindow, warm } from './measure/window.mjs';

/** A subject that does not start, such as by a port that another program took first, is tried again so often. */
const mostTries = 3;

/**
 * Measures every subject of a plan, all of them in each round, in turns, so that what drifts in the machine
 * meets all of them alike. Each starts as a fresh process; every second round goes through them in reverse.
 * @param plan.warmUp the load that a fresh process gets first
 * @param plan.fresh a scenario that is measured before that, if any
 * @param plan.entries the subjects, each with the scenarios that it takes part in
 * @returns for each scenario's name, a map from subject to figures for each round
 */
export async function measureRounds(plan, { rounds, noiseLimit, parties, report }) {
  const results = new Map();
  const keep = (round, scenario, subject, figures) => {
    const ofScenario = results.get(scenario.name) ?? Array.from({ length: rounds }, () => new Map());
    results.set(scenario.name, ofScenario);
    ofScenario[round].set(subject.name, figures);
    report(`round ${round + 1}: ${subject.name}, ${scenario.title}: ${inWords(scenario, figures)}`);
  };
  const measureSubject = async (round, { subject, scenarios }) => {
    const target = await startPatiently(subject, parties, report);
    if (!target) return;
    const measure = (scenario) =>
      reporting(`${subject.name}, ${scenario.title}`, report, async () => {
        const figures = await measureWindow(target, scenario, noiseLimit);
        keep(round, scenario, subject, { ...figures, firstAnswerMs: target.firstAnswerMs });
      });
    try {
      if (plan.fresh) await measure(plan.fresh);
      await reporting(`${subject.name}, warming up`, report, () => warm(target, plan.warmUp));
      for (const scenario of scenarios) await measure(scenario);
    } finally {
      await target.stop();
    }
  };
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? plan.entries : plan.entries.toReversed();
    for (const entry of order) await measureSubject(round, entry);
  }
  return results;
}

async function startPatiently(subject, parties, report) {
  for (let tries = 1; tries <= mostTries; tries++) {
    const target = await reporting(`${subject.name}, start ${tries} of ${mostTries}`, report, () =>
      subject.start(parties),
    );
    if (target) return target;
  }
  return undefined;
}

/** What fails is reported and left out; the rest of a long run is kept. */
async function reporting(name, report, work) {
  try {
    return await work();
  } catch (error) {
    report(`${name}: ${error.message}`);
    return undefined;
  }
}

function inWords({ rate }, { perSecond, cpuUs, p50, p99, noise }) {
  const speed = rate ? `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms` : `${Math.round(perSecond)}/s`;
  return `${cpuUs.toFixed(1)} µs of CPU, ${speed}, noise ${(noise * 100).toFixed(1)} %`;
}
