/** Links, annotations, postures and limits of real containers: what agent/containers.ts did in the microVM must have come out right. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { MACHINE_LIMIT } from '../support/patience.ts';
import { hookLimit } from '../support/vm/index.ts';
import { factsOf } from './agent/facts.ts';
import { START_IMAGE } from './agent/start-manifests.ts';

let facts: ReadonlyMap<string, unknown>;

beforeAll(async () => {
  facts = await factsOf({ file: 'containers.ts', image: START_IMAGE });
}, hookLimit(MACHINE_LIMIT));

test('a rule holds for what its path leads to, and alerts name the rule as it is written', () => {
  expect(facts.get('paths and links')).toEqual(['refused', 'refused', 'refused', 'refused', 'refused', 'refused']);
  expect(facts.get('rules of links')).toEqual({ '/usr/bin/ls': 'spec.process.matchPaths[0]', '/srv/real': 'spec.file.matchPaths[0]' });
});

test('a pod’s annotation says whether policies are in force, only audited, or not for it', () => {
  expect(['audited', 'audited by our own', 'disabled'].map((name) => facts.get(name))).toEqual(['passed', 'passed', 'passed']);
  // Neither a value that is none, nor labels, which images can have.
  expect([facts.get('neither'), facts.get('a label')]).toEqual(['refused', 'refused']);
  expect(facts.get('actions')).toEqual(['Audit (Block): Passed', 'Block: Permission denied']);
  expect(facts.get('warning')).toBe(true);
});

test('a namespace’s posture is that of its containers, whatever the node’s is', () => {
  expect(facts.get('not on the list, in a namespace that blocks')).toBe('refused');
  expect(facts.get('uses in a namespace that blocks')).toBe('refused\nrefused');
  expect(facts.get('uses in one that says nothing')).toBe('passed\npassed');
});

describe('limits of resources', () => {
  const LIMITED = ['14', '67108864', '50000 100000', '1:0 rbps=max wbps=2097152 riops=1000 wiops=max'];
  const UNLIMITED = ['max', 'max', 'max 100000', ''];
  const TIGHT = ['max', '33554432', '20000 100000', '1:0 rbps=max wbps=1048576 riops=max wiops=max'];
  const KILLED = 128 + 9;
  const alertOf = (name: string) => ['limits', `spec.resources.${name}`, `cgroup=${name}.max`, 'Block'];

  test('they are in the container’s cgroup', () => {
    expect(facts.get('limits')).toEqual(LIMITED);
  });

  test('a limit that is tighter than the policy’s stays, and is not told as the policy’s when it bites', () => {
    expect(facts.get('limits of tight')).toEqual(['14', '33554432', '20000 100000', '1:0 rbps=max wbps=1048576 riops=1000 wiops=max']);
    expect(facts.get('greedy in tight')).toBe(KILLED);
    expect(facts.get('alerts of tight')).toEqual(['none', 'none']);
  });

  test('processes beyond the limit cannot be started, with an alert', () => {
    expect(facts.get('forks beyond the limit')).toMatch(/can't fork/);
    expect(facts.get('alert of limited’s pids')).toEqual(alertOf('pids'));
  });

  test('who takes more memory is killed, with an alert, also where the container ends by it', () => {
    expect([facts.get('greedy in limited'), facts.get('killed in limited')]).toEqual([KILLED, 1]);
    expect(facts.get('alert of limited’s memory')).toEqual(alertOf('memory'));
    expect(facts.get('hog')).toBe(KILLED);
    expect(facts.get('alert of hog’s memory')).toEqual(alertOf('memory'));
  });

  test('who takes more processor time is held back, with an alert', () => {
    expect(facts.get('throttled')).toBeGreaterThanOrEqual(20);
    expect(facts.get('alert of limited’s cpu')).toEqual(alertOf('cpu'));
    expect(facts.get('spinner')).toBe('stopped');
  });

  test('a device is written to no faster than the policy says', () => {
    expect(facts.get('bytes a second, before')).toBeGreaterThan(2 * 2_097_152);
    expect(facts.get('bytes a second, limited')).toBeLessThan(1.25 * 2_097_152);
    expect(facts.get('writer')).toBe('stopped');
  });

  test('they change with their policy and go with it', () => {
    expect(facts.get('limits before')).toEqual([UNLIMITED, TIGHT]);
    expect(facts.get('limits, changed')).toEqual(['max', '100663296', '25000 100000', '1:0 rbps=max wbps=3145728 riops=max wiops=max']);
    expect(facts.get('limits when the policy is gone')).toEqual([UNLIMITED, TIGHT]);
  });

  test('an agent that is killed leaves them, and the next one restores what no policy limits any more', () => {
    expect(facts.get('agent')).toBe('SIGKILL');
    expect(facts.get('limits while no agent is there')).toEqual(LIMITED);
    expect(facts.get('limits when another agent is there')).toEqual([UNLIMITED, TIGHT]);
  });
});

test('a container keeps its rules when its first process moves into a cgroup below and the agent starts anew', () => {
  expect(facts.get('below, in its own cgroup, executed')).toEqual(['refused', 'refused', 'refused']);
});

test('the agent’s log tells of nothing that went wrong', () => {
  const log = facts.get('log') as string[];
  expect(log.filter((line) => /cannot be|waited|Error:/.test(line))).toEqual([]);
});
