/** `npm run demo`: tells the story, prints what was expected and what was observed, exits 0 only if they agree. */
import { heading, line, table } from './print.ts';
import { tellStory } from './story.ts';
import type { Outcome, Status } from './story.ts';
import { changeText, delays, faults } from './verdict.ts';

function printStatuses(statuses: readonly Status[]): void {
  table(
    ['commit status', 'state', 'description'],
    statuses.map(({ context, state, description }) => ({ cells: [context, state, description], good: state === 'success' })),
  );
}

function print(outcome: Outcome): void {
  heading(`What was tried, in ${outcome.where}`);
  table(
    ['container', 'attempt', 'expected', 'observed', ''],
    outcome.observations.map(({ container, title, expected, observed }) => ({
      cells: [container, title, expected, observed, expected === observed ? 'as expected' : 'NOT AS EXPECTED'],
      good: expected === observed,
    })),
  );
  heading('What the operators saw');
  table(
    ['alert', 'operation', 'resource', 'policy', 'rule', 'written at'],
    outcome.alerts.map(({ attempt, alert }) => ({
      cells:
        alert === undefined
          ? ['MISSING', attempt.title]
          : [
              alert.action,
              alert.operation,
              alert.resource,
              alert.policyName,
              alert.rule,
              `${alert.commit.slice(0, 7)} ${alert.sourceLine}`,
            ],
      good: alert !== undefined,
    })),
  );
  heading(`What the author saw on ${outcome.commit.slice(0, 7)}`);
  printStatuses(outcome.statuses);
  heading(`What the author saw on ${outcome.secondCommit.slice(0, 7)}`);
  printStatuses(outcome.secondStatuses);
  line(changeText(outcome));
}

try {
  const outcome = await tellStory({ heading, line });
  print(outcome);
  const wrong = [...faults(outcome), ...delays(outcome)];
  heading(wrong.length === 0 ? 'Everything was as expected.' : 'Not as expected:');
  for (const fault of wrong) line(fault);
  process.exitCode = wrong.length === 0 ? 0 : 1;
} catch (error) {
  heading('The demo could not go on');
  line(error instanceof Error ? error.message : String(error));
  process.exitCode = 3;
}
