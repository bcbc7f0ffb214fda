/** Whether a story went as it should: every disagreement, as a sentence. */
import { ATTEMPTS } from './attempts.ts';
import type { Outcome, Status } from './story.ts';

/** The promise: a running container obeys a push within this time, in milliseconds, on a machine that is not busy with other things. */
const CHANGE_PROMISE = 2_000;
const DESCRIPTION_LIMIT = 140;

function statusFaults(statuses: readonly Status[], wanted: Readonly<Record<string, string>>): string[] {
  return Object.entries(wanted).flatMap(([context, state]) => {
    const found = statuses.find((status) => status.context === context);
    if (found === undefined) return [`${context} was never posted`];
    const long = found.description.length > DESCRIPTION_LIMIT ? [`${context} is longer than ${DESCRIPTION_LIMIT} characters`] : [];
    return found.state === state ? long : [`${context} is ${found.state}, not ${state}: ${found.description}`, ...long];
  });
}

/** Empty when everything came to what it should. */
export function faults(outcome: Outcome): string[] {
  const rows = outcome.observations
    .filter(({ expected, observed }) => expected !== observed)
    .map(
      ({ container, title, expected, observed, detail }) =>
        `${container}: ${title}: expected ${expected}, observed ${observed} (${detail})`,
    );
  const missing = ATTEMPTS.length - outcome.observations.length;
  const alerts = outcome.alerts.flatMap(({ attempt, alert }) => {
    if (alert === undefined) return [`${attempt.container}: ${attempt.title}: no alert`];
    const named =
      alert.commit === outcome.commit && alert.sourceLine.startsWith('shop.ts:') && alert.rule !== '' && alert.repository !== '';
    return named ? [] : [`${attempt.container}: ${attempt.title}: the alert does not name its commit, repository, rule and line`];
  });
  return [
    ...rows,
    ...(missing === 0 ? [] : [`${missing} attempts are missing`]),
    ...alerts,
    ...statusFaults(outcome.statuses, { 'parapet/synth': 'success', 'parapet/enforced': 'success', 'parapet/violations': 'failure' }),
    ...statusFaults(outcome.secondStatuses, { 'parapet/synth': 'success', 'parapet/enforced': 'success' }),
    ...outcome.statusHostFaults.map((fault) => `the status host: ${fault}`),
  ];
}

/** Milliseconds within which the running container is to obey: what is promised, for a machine as slow as this one was. */
export function changeLimit({ slowness }: Outcome): number {
  return Math.round(CHANGE_PROMISE * slowness);
}

/** How long the running container took to obey, in words. */
export function changeText(outcome: Outcome): string {
  const slow =
    outcome.slowness > 1 ? `; this machine is ${outcome.slowness.toFixed(1)} times slower, so at most ${changeLimit(outcome)}` : '';
  return `push to obedience in the running container, without a restart: ${outcome.changeMs} ms (promised: ${CHANGE_PROMISE}${slow})`;
}

/** Empty when the running container obeyed in time: a measurement, and so apart from what must hold on any machine. */
export function delays(outcome: Outcome): string[] {
  return outcome.changeMs <= changeLimit(outcome) ? [] : [`too slow: ${changeText(outcome)}`];
}
