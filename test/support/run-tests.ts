/**
 * `npm test`: types, lint, format, then every test; last a line with the sums.
 *
 * Paths narrow it to the tests under them (and leave the three checks out); `--no-vm` leaves the end-to-end tests out.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { failuresOf } from './failures.ts';
import type { FileReport } from './failures.ts';
import { exitStatus, lineOf, NOTHING, sum, tallyOfJest } from './tally.ts';
import type { JestReport, Tally } from './tally.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const END_TO_END = 'test/e2e';
/** It measures how long a push takes to be obeyed, so nothing else may run beside it. */
const ALONE = 'test/e2e/demo.test.ts';
/** MicroVMs at a time: more would be slower, and their tests have limits. */
const MACHINES = 2;
/** Test files at a time: jest itself would leave one processor idle. */
const PROCESSORS = Math.max(2, availableParallelism());
const USAGE = `usage: npm test -- [--no-vm] [PATH...]

  PATH      run the tests in these files and directories only
  --no-vm   leave out the end-to-end tests, which boot microVMs
`;

type Report = JestReport & { readonly testResults: readonly FileReport[] };

/** What failed so far, for the end. */
const failures: string[] = [];

const CHECKS = [
  { title: 'types', words: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'] },
  { title: 'lint', words: ['node_modules/eslint/bin/eslint.js', '.'] },
  { title: 'format', words: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'] },
];

/** Runs Node in the tree, with its output on this terminal. */
function runNode(words: readonly string[]): Promise<number> {
  return new Promise((done, refuse) => {
    const child = spawn(process.execPath, words, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', refuse);
    child.once('close', (status) => done(status ?? 1));
  });
}

async function check({ title, words }: { title: string; words: readonly string[] }): Promise<Tally> {
  const started = Date.now();
  const passed = (await runNode(words)) === 0;
  console.log(`${passed ? 'PASS' : 'FAIL'} ${title} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return passed ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 };
}

const escaped = (path: string): string => path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Runs jest on the tests whose paths contain one of `paths`, except those whose paths contain `without`; `atOnce` files at a time. */
async function jest(paths: readonly string[], { without, atOnce }: { without?: string; atOnce?: number }): Promise<Tally> {
  const scratch = mkdtempSync(join(tmpdir(), 'parapet-jest-'));
  const report = join(scratch, 'report.json');
  const words = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  words.push('--json', `--outputFile=${report}`, '--passWithNoTests');
  if (atOnce === 1) words.push('--runInBand');
  else if (atOnce !== undefined) words.push(`--maxWorkers=${atOnce}`, '--testSequencer=<rootDir>/test/support/longest-first.mjs');
  if (without !== undefined)
    words.push(`--testPathIgnorePatterns=${escaped(join(ROOT, without))}`, '--testPathIgnorePatterns=/node_modules/');
  try {
    await runNode([...words, '--testPathPatterns', ...paths.map((path) => escaped(join(ROOT, path)))]);
    const read = readReport(report);
    failures.push(...failuresOf(read?.testResults ?? [], ROOT));
    return tallyOfJest(read);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readReport(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    return undefined;
  }
}

function leaveOutEndToEnd(): Tally {
  const files = readdirSync(join(ROOT, END_TO_END)).filter((file) => file.endsWith('.test.ts'));
  for (const file of files) console.log(`SKIP ${END_TO_END}/${file}: --no-vm was given`);
  return { ...NOTHING, skipped: files.length };
}

async function everything(withVm: boolean): Promise<Tally> {
  // each is busy on one processor only
  const tallies: Tally[] = await Promise.all(CHECKS.map(check));
  tallies.push(await jest(['test'], { without: `${END_TO_END}/`, atOnce: PROCESSORS }));
  if (!withVm) return sum([...tallies, leaveOutEndToEnd()]);
  tallies.push(await jest([END_TO_END], { without: ALONE, atOnce: MACHINES }));
  tallies.push(await jest([ALONE], { atOnce: 1 }));
  return sum(tallies);
}

/** How many of these may run at a time. */
function besides(paths: readonly string[]): number {
  return paths.some((path) => ALONE.startsWith(path)) ? 1 : MACHINES;
}

async function main(words: readonly string[]): Promise<number> {
  const unknown = words.filter((word) => word.startsWith('-') && word !== '--no-vm');
  if (unknown.length > 0) {
    console.error(`unknown option ${unknown.join(' ')}\n${USAGE}`);
    return 2;
  }
  const paths = words.filter((word) => !word.startsWith('-')).map((path) => relative(ROOT, resolve(path)));
  const withVm = !words.includes('--no-vm');
  const tally =
    paths.length === 0
      ? await everything(withVm)
      : await jest(paths, { atOnce: besides(paths), ...(withVm ? {} : { without: `${END_TO_END}/` }) });
  if (process.env['CI'] === 'true' && tally.skipped > 0) console.log('in CI nothing may be skipped');
  for (const failure of failures) console.log(failure);
  console.log(lineOf(tally));
  return exitStatus(tally, process.env['CI'] === 'true');
}

process.exitCode = await main(process.argv.slice(2));
