/** The main job, end to end: what `npm run demo` shows, held against what must come of it. */
import { beforeAll, expect, test } from '@jest/globals';
import { MACHINE_LIMIT } from '../support/patience.ts';
import { hookLimit } from '../support/vm/index.ts';
import { ATTEMPTS } from '../story/demo/attempts.ts';
import { tellStory } from '../story/demo/story.ts';
import type { Outcome } from '../story/demo/story.ts';
import { changeLimit, changeText, faults } from '../story/demo/verdict.ts';

let outcome: Outcome;

beforeAll(async () => {
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  try {
    outcome = await tellStory({ heading: say, line: say });
    process.stdout.write(`${changeText(outcome)}\n`);
  } catch (error) {
    throw new Error(`the story could not be told:\n${said.slice(-40).join('\n')}`, { cause: error });
  }
}, hookLimit(MACHINE_LIMIT));

test.each(ATTEMPTS.map(({ container, title, expected }) => [container, title, expected] as const))(
  '%s: %s %s',
  (container, title, expected) => {
    const seen = outcome.observations.find((one) => one.container === container && one.title === title);
    expect(seen).toMatchObject({ observed: expected });
  },
);

test('each refusal and each audited access arrives as an alert that names its policy, rule, commit and line', () => {
  const wanted = ATTEMPTS.filter(({ alert }) => alert !== undefined);
  expect(outcome.alerts).toHaveLength(wanted.length);
  for (const { attempt, alert } of outcome.alerts) {
    expect([attempt.title, alert]).toMatchObject([
      attempt.title,
      { ...attempt.alert, commit: outcome.commit, sourceLine: expect.stringMatching(/^shop\.ts:\d+$/) as unknown },
    ]);
  }
});

test('the statuses of the commit tell what was made of it, where it is enforced and what it stopped', () => {
  expect(outcome.statuses).toEqual(
    [
      { context: 'parapet/synth', state: 'success', description: '2 policies, 25 rules: 2 added' },
      { context: 'parapet/enforced', state: 'success', description: '1 of 1 nodes' },
      {
        context: 'parapet/violations',
        state: 'failure',
        description: expect.stringMatching(/^\d+ blocked: .* \(shop\.ts:\d+\)/) as unknown,
      },
    ].map((status) => expect.objectContaining(status) as unknown),
  );
});

test('a second commit changes what the running container may do', () => {
  expect(outcome.secondStatuses).toEqual(
    expect.arrayContaining([expect.objectContaining({ context: 'parapet/synth', description: '2 policies, 24 rules: 1 changed' })]),
  );
});

test('the running container obeys at once, for a machine as slow as this one', () => {
  // how slow it is is known roughly
  expect(outcome.changeMs).toBeLessThan(5 * changeLimit(outcome));
});

test('the demo would say that everything was as expected', () => {
  expect(faults(outcome)).toEqual([]);
});
