/**
 * Debian's kernels, ordinary and PREEMPT_RT: each takes every program, judges a dozen accesses as it must, and finds the programs no larger
 * than test/golden/kernel-programs.json says, give or take a fifth. `UPDATE_GOLDEN=1` writes that file anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { guestProgram, runInVm } from '../support/vm/index.ts';
import { KERNELS } from '../support/vm/options.ts';
import { TRIES } from './kernels/smoke.ts';

/** By kernel and program: what its verifier walked through, and bytes of machine code. */
type Sizes = Record<string, Record<string, readonly [verified: number, machineCode: number]>>;

const GOLDEN = path.join(import.meta.dirname, '../golden/kernel-programs.json');
const GROWTH = 1.2;
const LIMIT = 300;

const seen: Sizes = {};
afterAll(() => {
  if (process.env.UPDATE_GOLDEN === '1')
    writeFileSync(GOLDEN, `${JSON.stringify(seen, null, 2).replace(/\[\s+(\d+),\s+(\d+)\s+\]/g, '[$1, $2]')}\n`);
});

describe.each(KERNELS)('Linux %s', (kernel) => {
  const facts = new Map<string, string>();

  beforeAll(async () => {
    const command = guestProgram(path.join(import.meta.dirname, 'kernels/scenario.ts'));
    const { status, output, problem } = await runInVm({ kernel, command, containerd: false, timeout: LIMIT });
    for (const line of output.split('\n')) facts.set(line.slice(0, line.lastIndexOf(': ')), line.slice(line.lastIndexOf(': ') + 2));
    if (status !== 0) throw new Error(`the scenario ended with ${status}: ${problem ?? ''}\n${output.slice(-4000)}`);
    seen[kernel] = sizesIn(facts);
  }, LIMIT * 1000);

  test('every access ends as it must', () => {
    expect(TRIES.map(([command]) => [command, facts.get(command)])).toEqual(TRIES.map(([command, result]) => [command, result]));
  });

  test('no run of a program was missed, and nothing was beyond judging', () => {
    expect([...facts].filter(([fact]) => fact.startsWith('missed '))).toEqual([]);
    for (const counter of ['noScratch', 'readFault', 'tooDeep', 'labelsFull'])
      expect([counter, facts.get(`counter ${counter}`)]).toEqual([counter, '0']);
  });

  test('the programs are those that are known, and no more than a fifth larger', () => {
    const known = (JSON.parse(readFileSync(GOLDEN, 'utf8')) as Sizes)[kernel] ?? {};
    expect(Object.keys(seen[kernel]!)).toEqual(Object.keys(known));
    const grown = Object.entries(seen[kernel]!).filter(([name, sizes]) => sizes.some((size, i) => size > known[name]![i]! * GROWTH));
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
