/** What the tests of attempts assert. x32 is in the kernel, but off, unless it is asked for. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import path from 'node:path';
import { MACHINE_LIMIT } from '../../support/patience.ts';
import { guestProgram, hookLimit, outputOf } from '../../support/vm/index.ts';
import { ATTEMPTS } from './attempts/index.ts';
import { CONTAINER_ATTEMPTS } from './attempts/containers.ts';
import { LIFE_ATTEMPTS } from './attempts/lives.ts';
import { buildActor, buildContainerImage } from './build.ts';
import { readResults } from './results.ts';
import type { Results } from './results.ts';

/** Tests that the catalogue is what it says. */
export function testCatalogue(): void {
  test('there are at least a hundred attempts, each with a name of its own', () => {
    const names = [...ATTEMPTS, ...LIFE_ATTEMPTS, ...CONTAINER_ATTEMPTS].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(100);
  });
}

/** Where attempts are made. */
export interface BypassMachine {
  readonly kernel: '6.1' | '6.12';
  readonly preempt: 'full' | 'voluntary';
  readonly cpus: 1 | 2;
}

/** Tests that every attempt fails under rules, and succeeds without. */
export function testAttempts(...machines: readonly BypassMachine[]): void {
  describe.each(machines)('Linux $kernel, preempt=$preempt, processors: $cpus', ({ kernel, preempt, cpus }) => {
    let results: Results = { attempts: new Map(), counters: {} };

    beforeAll(async () => {
      const command = [...guestProgram(path.join(import.meta.dirname, 'scenario.ts')), buildActor(), 'all', buildContainerImage()];
      const output = await outputOf({ kernel, cpus, append: `preempt=${preempt} syscall.x32=y`, command, timeout: MACHINE_LIMIT });
      results = readResults(output);
    }, hookLimit(MACHINE_LIMIT));

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
      expect(results.counters).toMatchObject({ noScratch: 0, labelsFull: 0 });
    });

    test('what was too deep to be judged was counted, and the one file whose place could not be found', () => {
      expect(results.counters['tooDeep']).toBeGreaterThan(0);
      expect(results.counters['readFault']).toBe(1);
    });
  });
}
