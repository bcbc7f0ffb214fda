/** Every attempt to get round the rules, for real, on kernels that preempt at any point and on others: docs/bypasses.md. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import path from 'node:path';
import { guestProgram, runInVm } from '../support/vm/index.ts';
import type { VmRequest } from '../support/vm/index.ts';
import { ATTEMPTS } from './bypass/attempts/index.ts';
import { CONTAINER_ATTEMPTS } from './bypass/attempts/containers.ts';
import { LIFE_ATTEMPTS } from './bypass/attempts/lives.ts';
import { buildActor, buildContainerImage } from './bypass/build.ts';
import { readResults } from './bypass/results.ts';
import type { Results } from './bypass/results.ts';

const LIMIT = 500;
/** x32 is there, but off, unless it is asked for. */
const MACHINES: readonly (readonly [string, Pick<VmRequest, 'cpus' | 'append'>])[] = ['full', 'voluntary'].flatMap((preempt) =>
  [1, 2].map((cpus) => [`preempt=${preempt}, processors: ${cpus}`, { cpus, append: `preempt=${preempt} syscall.x32=y` }] as const),
);

test('there are at least a hundred attempts, each with a name of its own', () => {
  const names = [...ATTEMPTS, ...LIFE_ATTEMPTS, ...CONTAINER_ATTEMPTS].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(100);
});

describe.each(MACHINES)('%s', (_name, machine) => {
  let results: Results = { attempts: new Map(), counters: {} };

  beforeAll(async () => {
    const command = [...guestProgram(path.join(import.meta.dirname, 'bypass/scenario.ts')), buildActor(), 'all', buildContainerImage()];
    const { status, output, problem } = await runInVm({ ...machine, command, timeout: LIMIT });
    if (status !== 0) throw new Error(`the scenario ended with ${status}: ${problem ?? ''}\n${output.slice(-4000)}`);
    results = readResults(output);
  }, LIMIT * 1000);

  test.each(ATTEMPTS.map((attempt) => [attempt.family, attempt.name, attempt] as const))(
    '%s: %s works without rules, and with them it is refused',
    (_family, name, attempt) => {
      expect(results.attempts.get(name)).toEqual({ without: '0', with: attempt.refused ?? 'EACCES' });
    },
  );

  test.each(LIFE_ATTEMPTS.map(({ name }) => name))('%s', (name) => {
    expect(results.attempts.get(name)).toEqual({ without: '0', with: 'EACCES' });
  });

  test.each(CONTAINER_ATTEMPTS.map((attempt) => [attempt.name, attempt] as const))('%s', (name, attempt) => {
    expect(results.attempts.get(name)).toEqual({ without: '0', with: attempt.refused ?? 'EACCES' });
  });

  test('nothing was refused for want of memory or room', () => {
    expect(results.counters).toMatchObject({ noScratch: 0, readFault: 0, labelsFull: 0 });
  });
});
