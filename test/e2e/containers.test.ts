/** Containers from their first instruction on: what agent/containers.ts did in the microVM must have come out right. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildImage } from '../support/image/index.ts';
import { guestProgram, runInVm } from '../support/vm/index.ts';
import { START_IMAGE } from './agent/start-manifests.ts';

const LIMIT = 600;
const STARTS = Number(process.env['PARAPET_STARTS'] ?? '20');
const share = mkdtempSync(path.join(tmpdir(), 'parapet-containers-'));
const facts = new Map<string, unknown>();

beforeAll(
  async () => {
    const image = path.join(share, 'image.tar');
    buildImage({ ...START_IMAGE, out: image });
    const command = [...guestProgram(path.join(import.meta.dirname, 'agent/containers.ts')), image, String(STARTS)];
    const timeout = LIMIT + STARTS * 5;
    const { status, output, problem } = await runInVm({ command, share: [share], timeout });
    for (const line of output.split('\n').filter((found) => found.startsWith('{"fact":'))) {
      const { fact, value } = JSON.parse(line) as { fact: string; value: unknown };
      facts.set(fact, value);
    }
    if (status !== 0) throw new Error(`the scenario ended with ${status}: ${problem ?? ''}\n${output.slice(-4000)}`);
  },
  (LIMIT + STARTS * 5) * 1000,
);

afterAll(() => rmSync(share, { recursive: true, force: true }));

test('a container whose first instruction reads a blocked file never succeeds', () => {
  expect(facts.get('wait')).toBe(0);
  expect(facts.get('starts')).toEqual({ refused: STARTS });
});

test('a container waits for its rules before its first instruction', () => {
  expect(facts.get('said while the agent cannot answer')).toBe('nothing');
  expect(facts.get('said when it can')).toBe('refused');
  expect(facts.get('held meanwhile')).toBe(true);
});

test('a container whose own program is blocked does not run', () => {
  expect(facts.get('a program that is blocked')).toMatch(/^failed: /);
});

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
});

test('limits of resources are in the container’s cgroup, tell when they bite, and go with their policy', () => {
  expect(facts.get('wait for limits')).toBe(0);
  expect(facts.get('limits')).toEqual(['14', '67108864', '50000 100000']);
  expect(facts.get('alert of a limit')).toEqual(['limits', 'pids', 'limited', 'spec.resources.pids']);
  expect(facts.get('limits after')).toEqual(facts.get('limits before'));
});

test('without an agent new containers run or not, as the operator chose, and run when all is lifted', () => {
  expect(facts.get('without an agent, open')).toBe('ran');
  expect(facts.get('without an agent, denied')).toMatch(/^failed: .*permission denied/);
  expect([facts.get('lifted'), facts.get('when all is lifted')]).toEqual([0, 'ran']);
});

test('the agent’s log tells of nothing that went wrong', () => {
  const log = facts.get('log') as string[];
  expect(log.filter((line) => /cannot be|waited|Error:/.test(line))).toEqual([]);
});
