/** Containers from their first instruction on: what agent/holding.ts did in the microVM must have come out right. `npm run nightly` starts more. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { NIGHTLY, nightly } from '../support/nightly.ts';
import { MACHINE_LIMIT } from '../support/patience.ts';
import { hookLimit } from '../support/vm/index.ts';
import type { VmRequest } from '../support/vm/index.ts';
import { factsOf } from './agent/facts.ts';
import { START_IMAGE } from './agent/start-manifests.ts';

const STARTS = NIGHTLY ? 100 : 3;
type Machine = readonly [string, Pick<VmRequest, 'kernel' | 'cpus' | 'append'>];
const MACHINES: readonly Machine[] = [
  ['Linux 6.1, fully preemptible, one processor', { kernel: '6.1', cpus: 1, append: 'preempt=full' }],
  ...nightly<Machine>(['Linux 6.12', { kernel: '6.12' }]),
];
describe.each(MACHINES)('%s', (_name, machine) => {
  let facts: ReadonlyMap<string, unknown>;

  beforeAll(async () => {
    facts = await factsOf({ file: 'holding.ts', image: START_IMAGE, words: [String(STARTS)], machine });
  }, hookLimit(MACHINE_LIMIT));

  test('a container whose first instruction reads a blocked file never succeeds, however slow the agent is', () => {
    expect(facts.get('starts')).toEqual({ refused: STARTS });
    expect(facts.get('held in those')).toBeGreaterThanOrEqual(STARTS / 2);
  });

  test('a program that its rules block does not run when they come, and the alert names the rule', () => {
    expect(facts.get('a program that is blocked')).toEqual(['nothing', expect.stringMatching(/^failed: /)]);
    expect(facts.get('a script that is blocked')).toEqual(['nothing', expect.stringMatching(/^failed: /)]);
    expect(facts.get('alerts of programs that were refused')).toEqual([
      ['links', 'spec.process.matchPaths[0]', '/usr/bin/ls', 'Block'],
      ['links', 'spec.process.matchPaths[1]', '/srv/script', 'Block'],
    ]);
  });

  test.each([
    'woken by others',
    'in a pod: first container',
    'in a pod: second container',
    'with the node’s processes',
    'with the processes of another container',
    'executed in a container that waits',
  ])('what begins in a container that is not known waits for its rules: %s', (way) => {
    expect(facts.get(way)).toEqual(['nothing', 'refused']);
  });

  test('who is woken while it waits is still the runtime’s process', () => {
    expect(facts.get('programs of who was woken')).toEqual(['runc:[2:INIT]']);
  });

  test('containers that end before or shortly after their rules come leave nothing behind', () => {
    expect(facts.get('left in the maps')).toEqual({ held: 0, cgroups: 0, labels: 0 });
  });

  test('nobody waits for an agent that stands still or is gone: programs run or not, as the operator chose', () => {
    expect(facts.get('stands still')).toBe('passed');
    expect([facts.get('killed, open'), facts.get('gone, open')]).toEqual(['passed', 'ran']);
    expect([facts.get('killed, deny'), facts.get('gone, deny')]).toEqual(
      Array(2).fill(expect.stringMatching(/^failed: .*permission denied/)),
    );
  });

  test('what waited for an agent that died is the next one’s', () => {
    expect(facts.get('while nobody answers')).toBe('nothing');
    expect(facts.get('when the next agent is there')).toBe('refused');
    expect(facts.get('the first one’s watcher is gone')).toBe(true);
  });

  test('when all is lifted nobody waits any more, also where neither the agent nor what watches over it is left', () => {
    expect([facts.get('lifted'), facts.get('when all is lifted')]).toEqual([0, 'passed']);
  });

  test('with deny unknown containers do not start, with allow they run at once', () => {
    expect(facts.get('deny: unknown')).toMatch(/^failed: .*permission denied/);
    expect(facts.get('deny: counted')).toBe(true);
    expect(facts.get('deny: told')).toEqual(['Process', '/usr/bin/sh', 'Block', 'DefaultPosture', 'MatchedPolicy']);
    expect(facts.get('allow: unknown')).toBe('passed');
  });

  test('a process of which no runtime tells is ended after ten seconds, with an alert', () => {
    expect(facts.get('nobody’s')).not.toContain('ran');
    expect(facts.get('alerts of nobody’s')).toEqual(['Process', '', 'Block', 'DefaultPosture', 'MatchedPolicy']);
  });

  test('the agents’ log tells of nothing that went wrong', () => {
    const log = facts.get('log') as string[];
    expect(log.filter((line) => /cannot be|waited|Error:/.test(line))).toEqual([
      expect.stringMatching(/ of which the runtime does not tell: /),
    ]);
  });
});
