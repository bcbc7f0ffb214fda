/**
 * The kernel decides as docs/semantics.md says: on random policies and accesses the matcher of bpf/match.h, run by this machine's kernel,
 * answers what the reference evaluator answers. And its walk finds files where they are.
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compile, evaluate, flatSiteKey, isPathSite, networkNames, siteKey, terminalSiteKey } from '@parapet/policy';
import type { Access, Policy, Postures, Rule, Table } from '@parapet/policy';
import { accessTo, policies, postures } from '../support/policy-cases.ts';
import { KernelTrials } from '../support/kernel-trials.ts';
import type { KernelAnswer } from '../support/kernel-trials.ts';

const SETS = 600;
const ACCESSES = 20;

let kernel: KernelTrials;
beforeAll(() => {
  kernel = new KernelTrials();
}, 60_000);
afterAll(() => kernel?.close());

describe('verdicts', () => {
  const cases = policies.chain((set) =>
    fc.record({ set: fc.constant(set), postures, accesses: fc.array(accessTo(set), { minLength: ACCESSES, maxLength: ACCESSES }) }),
  );

  test(`the kernel and the evaluator agree on ${SETS * ACCESSES} random accesses`, () => {
    let judged = 0;
    const sites = new Set<string>();
    fc.assert(
      fc.property(cases, (one) => {
        const { table } = compile(one.set, one.postures);
        if (table === undefined) return;
        kernel.judge(table, one.accesses).forEach((answer, i) => {
          expectSame({ set: one.set, postures: one.postures, table, access: one.accesses[i]!, answer });
          judged += 1;
          sites.add(answer.site);
        });
      }),
      { numRuns: SETS, verbose: fc.VerbosityLevel.None },
    );
    // some sets are empty and have no table
    expect(judged).toBeGreaterThanOrEqual(10_000);
    expect([...sites].sort()).toEqual(['child', 'deep', 'default', 'exact', 'execname', 'flat', 'pattern']);
  }, 300_000);
});

/** Same verdict; and the place that the kernel names belongs to a rule that says so by itself, with as good a right. */
function expectSame(one: { set: readonly Policy[]; postures: Postures; table: Table; access: Access; answer: KernelAnswer }): void {
  const { access, answer } = one;
  const expected = evaluate({ policies: one.set, postures: one.postures, access });
  expect({ access, verdict: answer.verdict }).toEqual({ access, verdict: expected.verdict });
  if (expected.verdict === 'none' || 'posture' in expected) {
    expect(answer).toMatchObject({ site: 'default', node: 0, source: 0 });
    return;
  }
  const giver = giverOf(one.table, access, answer);
  const alone = giver === undefined ? undefined : evaluate({ ...one, policies: [{ ...giver.policy, rules: [giver.rule] }] });
  expect({ access, verdict: alone?.verdict, sourced: giver?.rule.from.length !== 0 }).toEqual({
    access,
    verdict: expected.verdict,
    sourced: expected.rule.from.length !== 0,
  });
}

function giverOf(table: Table, access: Access, answer: KernelAnswer): { policy: Policy; rule: Rule } | undefined {
  const { site, node, source, verdict } = answer;
  if (access.type === 'path' && isPathSite(site)) {
    return table.sites.get(siteKey({ node, site, source, operation: access.operation, owner: access.owner }));
  }
  if (access.type === 'path' || site !== 'flat' || verdict === 'none') return undefined;
  const names = access.type === 'network' ? [...networkNames(access.family, access.socketType, access.protocol)] : [access.capability];
  const keys = names.map((what) => flatSiteKey({ source, what, verdict })).map((key) => (node > 1 ? terminalSiteKey(key, 0) : key));
  return keys.map((key) => table.sites.get(key)).find((giver) => giver !== undefined);
}

describe('walks', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'parapet-walk-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

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

  test('128 components are a path, 129 are too deep', () => {
    const own = directory.split('/').length - 1;
    let deepest = directory;
    for (let i = own; i < 128; i += 1) deepest = path.join(deepest, 'd');
    mkdirSync(path.join(deepest, 'd'), { recursive: true });
    expect(walkTo(deepest).walked.end).toBe(0);
    expect(walkTo(path.join(deepest, 'd')).walked.end).toBe(4);
  });

  test('a path that is too long for a record loses its first components', () => {
    const long = path.join(directory, ...Array.from({ length: 6 }, (_, i) => `${i}`.repeat(200)));
    mkdirSync(long, { recursive: true });
    const { walked } = walkTo(long);
    expect(walked).toEqual({ end: 0, path: long.slice(long.indexOf('/1')), truncated: true });
  });
});
