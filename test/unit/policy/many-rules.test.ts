/** A hundred thousand rules in one policy: hostile or only large, it costs seconds, and what does not fit is said clearly. */
import { expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, encodeTable } from '@parapet/policy';
import { parsed, problemsOf } from './manifests.ts';

const COUNT = 100_000;
const SECONDS = 1_000_000;

function rulesFor(rule: (index: number) => object): object[] {
  return Array.from({ length: COUNT }, (_, index) => rule(index));
}

/** Seconds of processor time, which a busy machine does not stretch as it does wall-clock time. */
function secondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / SECONDS;
}

test('files of a few hundred directories are parsed and compiled in seconds, and fit', () => {
  const spec = { file: { matchPaths: rulesFor((i) => ({ path: `/srv/data/${i >> 8}/file${i}` })) } };
  let nodes = 0;
  const seconds = secondsOf(() => {
    const { table } = compile([parsed({ spec })], DEFAULT_POSTURES);
    nodes = table === undefined ? 0 : encodeTable(table, 0).nodeCount;
  });
  expect(nodes).toBe(COUNT + Math.ceil(COUNT / 256) + 2);
  expect(seconds).toBeLessThan(30);
}, 300_000);

test('a directory for each file is more than the kernel holds, and how much more is said', () => {
  const spec = { file: { matchPaths: rulesFor((i) => ({ path: `/srv/${i}/a/b/file` })) } };
  const { table, problems } = compile([parsed({ spec })], DEFAULT_POSTURES);
  expect(table).toBeUndefined();
  expect(problems).toMatchObject([{ code: 'table-too-large', message: expect.stringContaining(`need ${COUNT * 4 + 1} components`) }]);
}, 300_000);

test('what holds for tasks with a terminal is counted with the rest', () => {
  const fitting = rulesFor((i) => ({ path: `/srv/data/${i >> 8}/program${i}` }));
  const spec = { process: { matchPaths: [...fitting, { path: '/bin/other', allowedArgs: ['-a'], pts: false }] } };
  const { table, problems } = compile([parsed({ spec })], DEFAULT_POSTURES);
  expect(table).toBeUndefined();
  expect(problems).toMatchObject([
    { code: 'table-too-large', message: expect.stringMatching(/ need 20\d{4} components of paths and names,/) },
  ]);
}, 300_000);

test('patterns are tried out for a bounded price, and too many for one automaton are refused together', () => {
  const policy = parsed({ spec: { file: { matchPatterns: rulesFor((i) => ({ pattern: `/srv/data/file${i}*` })) } } });
  const seconds = secondsOf(() => {
    expect(compile([policy], DEFAULT_POSTURES).problems).toMatchObject([{ code: 'pattern-too-complex' }]);
  });
  expect(seconds).toBeLessThan(30);
}, 300_000);

test('hostile patterns are all refused for the price of a few, and the first hundred of them are listed', () => {
  const seconds = secondsOf(() => {
    const problems = problemsOf({ spec: { file: { matchPatterns: rulesFor((i) => ({ pattern: `/**a????????????????????${i}` })) } } });
    expect(problems).toHaveLength(101);
    expect(problems.at(-2)).toMatchObject({ code: 'pattern-too-complex', place: { field: 'spec.file.matchPatterns[99].pattern' } });
    expect(problems.at(-1)).toMatchObject({ severity: 'error', message: 'there are more problems than are listed here' });
  });
  expect(seconds).toBeLessThan(30);
}, 300_000);
