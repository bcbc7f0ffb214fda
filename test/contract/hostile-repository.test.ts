/** Repositories that want more than to be read: each is run through the real reconciler, from Git to the judge, and gets nothing. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Account } from '../support/hostile/account.ts';
import type { Expected } from '../support/hostile/attempt.ts';
import { FAMILIES } from '../support/hostile/attempts/index.ts';
import { runAll, Stage } from '../support/hostile/suite.ts';

// All attempts are under way at the same time: the first to be asked for may be the last to end.
jest.setTimeout(600_000);

const stages = await Promise.all(FAMILIES.map((family) => Stage.open(family)));

beforeAll(() => void runAll(stages));
afterAll(() => stages.forEach((stage) => stage.close()));

/** Whether what was said is as expected; then in the words of the expectation, so that nothing else is compared. */
function said(text: string, says: string | RegExp | undefined): { readonly says?: string | RegExp } {
  if (says === undefined) return {};
  const holds = typeof says === 'string' ? text.includes(says) : says.test(text);
  return { says: holds ? says : text };
}

/** What was answered, in the form of what was expected: errors before warnings. */
function answerTo(expected: Expected, { ending, problems, manifests, delivered }: Account): unknown {
  if (ending.kind === 'crashed') return { crashed: ending.message };
  const says = 'says' in expected ? expected.says : undefined;
  if (ending.kind === 'failed') return { failed: ending.stage, ...said(ending.message, says) };
  const first = problems.find(({ severity }) => severity === 'error') ?? problems[0];
  if ('made' in expected) return { made: manifests, ...('warned' in expected ? { warned: first?.code } : {}) };
  if (first === undefined || delivered.length > 0) return { delivered };
  const isPlaced = 'refused' in expected && expected.refused.includes(' ');
  const place = [first.place.file, first.place.line].filter((part) => part !== undefined).join(':');
  const refused = isPlaced ? `${place} ${first.code}` : first.code;
  return { refused, ...said(first.message, says), ...('count' in expected ? { count: problems.length } : {}) };
}

test('an honest program gives the same bytes in every reconciler, whatever its time zone and language', async () => {
  const all = await Promise.all(stages.map((stage) => stage.honest));
  expect(new Set(all.map(([before]) => before.digest)).size).toBe(1);
});

describe.each(stages.map((stage) => [stage.family.title, stage] as const))('%s', (_title, stage) => {
  test.each(stage.attempts.map((attempt) => [attempt.title, attempt] as const))(
    'a repository gets nothing by %s',
    async (_attempt, attempt) => {
      const result = await stage.resultOf(attempt);
      expect(result.got).toEqual([]);
      expect(answerTo(attempt.expected, result.account)).toMatchObject(attempt.expected);
    },
  );

  test('and afterwards an honest program gives what it gave before', async () => {
    const [before, after] = await stage.honest;
    expect(before.delivered).toHaveLength(2);
    expect(after).toMatchObject({ digest: before.digest, delivered: before.delivered, problems: [], ending: { kind: 'delivered' } });
  });
});
