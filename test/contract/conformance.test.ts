/**
 * The kernel decides as docs/semantics.md says: on random policies and accesses the matcher of bpf/match.h, run by this machine's kernel,
 * answers what the reference evaluator answers. And its walk finds files where they are.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  compile,
  DEFAULT_POSTURES,
  DNS_CELL,
  endpointSiteKey,
  evaluate,
  flatSiteKey,
  isPathSite,
  allowingNames,
  networkNames,
  siteKey,
  switchSiteKey,
  SYSCALLS,
  syscallPathSiteKey,
  syscallSiteKey,
  terminalSiteKey,
  wholePaths,
} from '@parapet/policy';
import type { Access, PathSite, Policy, Postures, Rule, Table } from '@parapet/policy';
import { accessTo, policies, postures } from '../support/policy-cases.ts';
import { withFiles } from '../support/file-cases.ts';
import { NIGHTLY } from '../support/nightly.ts';
import { KernelTrials } from '../support/kernel-trials.ts';
import type { KernelAnswer } from '../support/kernel-trials.ts';
import { policyOf, syscallRule } from '../unit/policy/builders.ts';

/** At least so many accesses are judged; `npm run nightly` takes more. Some sets are empty, and have no table. */
const WANTED = NIGHTLY ? 100_000 : 20_000;
const ACCESSES = 20;
const SETS = (WANTED * 1.2) / ACCESSES;

let kernel: KernelTrials;
beforeAll(() => {
  kernel = new KernelTrials();
}, 60_000);
afterAll(() => kernel?.close());

describe('verdicts', () => {
  const cases = policies.chain((set) =>
    fc.record({
      set: fc.constant(set),
      postures,
      accesses: fc.array(withFiles(accessTo(set), set), { minLength: ACCESSES, maxLength: ACCESSES }),
    }),
  );

  test(`the kernel and the evaluator agree on ${WANTED} random accesses and more`, () => {
    let judged = 0;
    const sites = new Set<string>();
    fc.assert(
      fc.property(cases, (one) => {
        const { table } = compile(one.set, one.postures);
        if (table === undefined) return;
        kernel.judge(table, one.accesses, wholePaths(one.set)).forEach((answer, i) => {
          expectSame({ set: one.set, postures: one.postures, table, access: one.accesses[i]!, answer });
          judged += 1;
          sites.add(answer.site);
        });
      }),
      { numRuns: SETS, verbose: fc.VerbosityLevel.None },
    );
    expect(judged).toBeGreaterThanOrEqual(WANTED);
    expect([...sites].sort()).toEqual([
      'arguments',
      'child',
      'deep',
      'default',
      'endpoint',
      'exact',
      'execname',
      'flat',
      'pattern',
      'switch',
    ]);
  }, 900_000);
});

test('every system call is told apart from all others, by each of its numbers', () => {
  const on = (remainder: number): string[] => SYSCALLS.filter((_, i) => i % 3 === remainder);
  const set = [policyOf(syscallRule(on(0), { action: 'Audit' }), syscallRule(on(1), { action: 'Block' }))];
  const { table } = compile(set, DEFAULT_POSTURES);
  // the length of the source picks the number
  for (let length = 2; length < 10; length += 1) {
    const source = `/${'s'.repeat(length - 1)}`;
    const accesses = SYSCALLS.map((syscall) => ({ type: 'syscall', syscall, source }) as const);
    const verdicts = kernel.judge(table!, accesses).map(({ verdict }, i) => [SYSCALLS[i], verdict]);
    expect(verdicts).toEqual(SYSCALLS.map((name, i) => [name, (['audit', 'block', 'none'] as const)[i % 3]]));
  }
});

/** Same verdict; and the place that the kernel names belongs to a rule that says so by itself, with as good a right. */
function expectSame(one: { set: readonly Policy[]; postures: Postures; table: Table; access: Access; answer: KernelAnswer }): void {
  const { access, answer } = one;
  const expected = evaluate({ policies: one.set, postures: one.postures, access });
  expect({ access, verdict: answer.verdict }).toEqual({ access, verdict: expected.verdict });
  if (expected.verdict === 'none' || 'posture' in expected) {
    expect(answer).toMatchObject({
      site: access.type === 'switch' || (access.type === 'syscall' && access.path === undefined) ? 'switch' : 'default',
      node: 0,
      source: 0,
    });
    return;
  }
  if (answer.site === 'endpoint' && answer.node === 0) {
    expect({ access, verdict: answer.verdict, opens: 'endpoint' in expected.rule }).toEqual({ access, verdict: 'allow', opens: true });
    return;
  }
  // what is said of mounts decides for a mount that is attached to nothing, and is no place in the table
  if (access.type === 'path' && access.fileClass === 'detached' && answer.site === 'default') return;
  const giver = giverOf(one.table, access, answer);
  const alone = giver === undefined ? [] : namesOf(access).map((name) => verdictOf(giver, { ...one, access: name }));
  expect({ access, alone, sourced: giver?.rule.from.length !== 0 }).toEqual({
    access,
    alone: expect.arrayContaining([expected.verdict]),
    sourced: expected.rule.from.length !== 0,
  });
}

/** What a rule says by itself. */
function verdictOf({ policy, rule }: { policy: Policy; rule: Rule }, on: { postures: Postures; access: Access }): string {
  return evaluate({ ...on, policies: [{ ...policy, rules: [rule] }] }).verdict;
}

/** The access by each of the file's names alone. */
function namesOf(access: Access): readonly Access[] {
  if (access.type !== 'path' || access.otherNames === undefined) return [access];
  const { otherNames, fileClass, ...byName } = access;
  return [{ ...byName, ...(fileClass === undefined ? {} : { fileClass }) }, ...otherNames.map((path) => ({ ...byName, path }))];
}

function giverOf(table: Table, access: Access, answer: KernelAnswer): { policy: Policy; rule: Rule } | undefined {
  const { site, node, source, verdict } = answer;
  if (access.type === 'path' && isPathSite(site)) {
    return table.sites.get(siteKey({ node, site, source, operation: access.operation, owner: access.owner }));
  }
  if (site === 'endpoint') return table.sites.get(endpointSiteKey(node));
  if (access.type === 'dns')
    return site === 'flat' ? undefined : table.sites.get(siteKey({ node, site: site as PathSite, source, ...DNS_CELL }));
  if (access.type === 'syscall') return callGiver(table, access, answer);
  if (access.type === 'switch') return switchGiver(table, access, verdict);
  if (access.type === 'path' || site !== 'flat' || verdict === 'none') return undefined;
  const namesOf = verdict === 'allow' ? allowingNames : networkNames;
  const names = access.type === 'network' ? [...namesOf(access.family, access.socketType, access.protocol)] : [access.capability];
  const keys = names.map((what) => flatSiteKey({ source, what, verdict })).map((key) => (node > 1 ? terminalSiteKey(key, 0) : key));
  return keys.map((key) => table.sites.get(key)).find((giver) => giver !== undefined);
}

function callGiver(table: Table, { syscall, path: on }: Extract<Access, { type: 'syscall' }>, answer: KernelAnswer) {
  const { site, node, source, verdict } = answer;
  if (verdict !== 'audit' && verdict !== 'block') return undefined;
  const key =
    on === undefined ? syscallSiteKey({ source, syscall, verdict }) : syscallPathSiteKey({ node, site: site as 'exact', source, syscall });
  return table.sites.get(key);
}

function switchGiver(table: Table, access: Extract<Access, { type: 'switch' }>, verdict: KernelAnswer['verdict']) {
  return verdict === 'none' ? undefined : table.sites.get(switchSiteKey({ which: access.switch, verdict }));
}

describe('walks', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'parapet-walk-'));
  });
  afterAll(() => void execFileSync('rm', ['-rf', directory])); // Node cannot: some paths in it are longer than it can say

  function walkTo(file: string): { walked: ReturnType<KernelTrials['walk']>; link: string } {
    const descriptor = openSync(file, 'r');
    try {
      return { walked: kernel.walk(descriptor), link: readlinkSync(`/proc/self/fd/${descriptor}`) };
    } finally {
      closeSync(descriptor);
    }
  }

  test('a file is found where the kernel says it is, across mount points', () => {
    for (const file of ['/', '/etc/passwd', '/usr/bin', '/proc/self/status', '/dev/null', '/sys/kernel', process.execPath]) {
      const { walked, link } = walkTo(file);
      expect(walked).toEqual({ end: 0, path: link, truncated: false });
    }
  });

  test('a renamed file is found under its new name', () => {
    const before = path.join(directory, 'before');
    writeFileSync(before, '');
    const descriptor = openSync(before, 'r');
    renameSync(before, path.join(directory, 'after'));
    expect(kernel.walk(descriptor).path).toBe(path.join(directory, 'after'));
    closeSync(descriptor);
  });

  test.each([128, 129, 600, 2000, 2030])('%d components are a path', (depth) => {
    const file = `${directory}/${'d/'.repeat(depth - directory.split('/').length)}f`;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '');
    expectTail(file);
  });

  test('names of 255 bytes, in a path as long as the kernel takes one, are found', () => {
    const names = Array.from({ length: 15 }, (_, i) => String.fromCharCode(97 + i).repeat(255));
    const long = `${directory}/${names.join('/')}/${'z'.repeat(4095 - directory.length - 15 * 256 - 1)}`;
    expect(long.length).toBe(4095);
    mkdirSync(path.dirname(long), { recursive: true });
    writeFileSync(long, '');
    expectTail(long);
  });

  /** The walk has all names; a record, of 2,048 bytes, has the last of them. */
  function expectTail(file: string): void {
    const { walked, link } = walkTo(file);
    expect(link).toBe(file);
    expect(walked).toMatchObject({ end: 0, truncated: file.length > 2048 });
    expect(walked.path.length).toBeGreaterThan(Math.min(file.length, 2048) - 256);
    expect(file.endsWith(walked.path)).toBe(true);
  }

  test('a place deeper than any path can say is not judged', () => {
    const start = process.cwd();
    try {
      process.chdir(directory);
      for (let part = 0; part < 3; part += 1) {
        mkdirSync('s/'.repeat(1000), { recursive: true });
        process.chdir('s/'.repeat(1000));
      }
      const descriptor = openSync('.', 'r');
      expect(kernel.walk(descriptor).end).toBe(4);
      closeSync(descriptor);
    } finally {
      process.chdir(start);
    }
  });

  test('a path that is too long for a record loses its first components', () => {
    const long = path.join(directory, ...Array.from({ length: 11 }, (_, i) => String.fromCharCode(97 + i).repeat(200)));
    mkdirSync(long, { recursive: true });
    const { walked } = walkTo(long);
    expect(walked).toEqual({ end: 0, path: long.slice(long.indexOf('/b')), truncated: true });
  });
});
