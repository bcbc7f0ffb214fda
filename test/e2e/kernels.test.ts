/**
 * Debian's kernels, ordinary and PREEMPT_RT: each takes every program, judges a dozen accesses as it must, and finds the programs no more than a
 * fifth larger than test/golden/kernel-programs.json says. `UPDATE_GOLDEN=1` writes that file anew. A choice of attempts to get round the rules
 * fails on those where bypass.test.ts does not make all of them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NIGHTLY } from '../support/nightly.ts';
import { MACHINE_LIMIT } from '../support/patience.ts';
import { factsIn, guestProgram, hookLimit, outputOf } from '../support/vm/index.ts';
import { KERNELS } from '../support/vm/options.ts';
import type { KernelName } from '../support/vm/options.ts';
import { SMOKE } from './bypass/attempts/index.ts';
import { buildActor } from './bypass/build.ts';
import { readResults } from './bypass/results.ts';
import type { Results } from './bypass/results.ts';
import { TRIES } from './kernels/smoke.ts';

/** By kernel and program: what its verifier walked through, and bytes of machine code. */
type Sizes = Record<string, Record<string, readonly [verified: number, machineCode: number]>>;

const GOLDEN = path.join(import.meta.dirname, '../golden/kernel-programs.json');
const GROWTH = 1.2;

/** Where bypass.test.ts and bypass-voluntary.test.ts make all attempts. */
const WITH_ALL_ATTEMPTS: readonly KernelName[] = ['6.1', '6.12'];

const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as Sizes;
const seen: Sizes = {};
afterAll(() => {
  if (process.env.UPDATE_GOLDEN !== '1') return;
  const text = JSON.stringify(golden, null, 2).replace(/\[\s+(\d+),\s+(\d+)\s+\]/g, '[$1, $2]');
  writeFileSync(GOLDEN, `${text}\n`);
});

describe.each(KERNELS)('Linux %s', (kernel) => {
  const attempted = NIGHTLY || !WITH_ALL_ATTEMPTS.includes(kernel) ? SMOKE : [];
  let facts: ReadonlyMap<string, string>;
  let attempts: Results['attempts'] = new Map();

  beforeAll(async () => {
    const smoke = guestProgram(path.join(import.meta.dirname, 'kernels/scenario.ts'));
    const bypass = [...guestProgram(path.join(import.meta.dirname, 'bypass/scenario.ts')), buildActor(), 'smoke'];
    const command = [attempted.length === 0 ? smoke.join(' ') : `${smoke.join(' ')} && ${bypass.join(' ')}`];
    const output = await outputOf({ kernel, command, append: 'syscall.x32=y', containerd: false, timeout: MACHINE_LIMIT });
    facts = factsIn(output);
    seen[kernel] = sizesIn(facts);
    if (process.env.UPDATE_GOLDEN === '1') golden[kernel] = seen[kernel];
    attempts = readResults(output).attempts;
  }, hookLimit(MACHINE_LIMIT));

  test('every access ends as it must', () => {
    expect(TRIES.map(([command]) => [command, facts.get(command)])).toEqual(TRIES.map(([command, result]) => [command, result]));
  });

  for (const { name, refused = 'EACCES' } of attempted)
    test(`${name}: works without rules, and with them it is refused`, () => {
      expect(attempts.get(name)).toEqual({ without: '0', with: refused });
    });

  test('no run of a program was missed, and nothing was beyond judging', () => {
    expect([...facts].filter(([fact]) => fact.startsWith('missed '))).toEqual([]);
    for (const counter of ['noScratch', 'readFault', 'tooDeep', 'labelsFull', 'runsMissed'])
      expect([counter, facts.get(`counter ${counter}`)]).toEqual([counter, '0']);
  });

  test('a run that the kernel leaves out is seen', () => {
    expect(facts.get('left out on purpose')).toBe('2');
  });

  test('the programs are no more than a fifth larger than they were, and a new one than the largest', () => {
    const known = golden[kernel]!;
    const largest = [0, 1].map((which) => Math.max(...Object.values(known).map((sizes) => sizes[which]!)));
    const grown = Object.entries(seen[kernel]!).filter(([name, sizes]) =>
      sizes.some((size, which) => !(size <= (known[name] ?? largest)[which]! * GROWTH)),
    );
    expect(Object.keys(seen[kernel]!)).toContain('on_file_open');
    expect(grown).toEqual([]);
  });
});

function sizesIn(facts: ReadonlyMap<string, string>): Sizes[string] {
  const programs = [...facts].filter(([fact]) => fact.startsWith('program '));
  return Object.fromEntries(
    programs.map(([fact, sizes]) => {
      const [verified, machineCode] = sizes.split(' ').map(Number);
      return [fact.slice('program '.length), [verified!, machineCode!] as const];
    }),
  );
}
