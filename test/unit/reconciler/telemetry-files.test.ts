import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { TelemetryReading } from '@parapet/policy';
import { TELEMETRY_LIMITS, TelemetryFiles } from '../../../reconciler/src/adapters/telemetry-files.ts';
import type { Recorded } from '../../../reconciler/src/telemetry.ts';
import { record } from '../policy/telemetry-records.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-01-02T00:00:00Z');
const DAY_AGO = NOW - 24 * HOUR;
const never = new AbortController().signal;
let home: string;
let folder: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'parapet-telemetry-'));
  folder = join(home, 'telemetry');
  mkdirSync(folder);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A line that says what happened so many hours ago. */
const line = (hours: number, resource = `/bin/${hours}`): string =>
  JSON.stringify(record({ resource, updatedTime: new Date(NOW - hours * HOUR).toISOString() }));

function write(name: string, lines: readonly string[], hours = 0): void {
  writeFileSync(join(folder, name), lines.map((text) => `${text}\n`).join(''));
  const at = new Date(NOW - hours * HOUR);
  utimesSync(join(folder, name), at, at);
}

async function read(limits = TELEMETRY_LIMITS, signal = never): Promise<{ readonly what: string[]; readonly recorded: Recorded }> {
  const readings: TelemetryReading[] = [];
  const recorded = await new TelemetryFiles({ directory: folder, limits }).recorded(DAY_AGO, (one) => void readings.push(one), signal);
  return { what: readings.map((one) => ('fault' in one ? one.fault : one.record.resource)).sort(), recorded };
}
const from = (recorded: Recorded): number | undefined =>
  recorded.kind === 'read' && recorded.from !== undefined ? (NOW - recorded.from) / HOUR : undefined;

test('what happened in the window is given, of every file, and what is older is not', async () => {
  write('node-a.jsonl', [line(30), line(23), line(1)]);
  write('node-b.log', [line(2)]);
  write('old.jsonl', [line(40)], 39);
  const { what, recorded } = await read();
  expect(what).toEqual(['/bin/1', '/bin/2', '/bin/23']);
  expect(from(recorded)).toBe(24);
});

test('a recording that is younger than the window says since when it is', async () => {
  write('a.jsonl', [line(3), line(1)]);
  write('b.jsonl', [line(2)]);
  expect(from((await read()).recorded)).toBe(3);
});

test('a folder with nothing in it has no beginning, and one that is not there is a failure', async () => {
  expect(await read()).toEqual({ what: [], recorded: { kind: 'read', from: undefined } });
  rmSync(folder, { recursive: true });
  expect((await read()).recorded).toEqual({ kind: 'failed', message: `the telemetry in ${folder} can't be read: ENOENT` });
});

test('bad lines are faults, and those around them count', async () => {
  const timeless = JSON.stringify(record({ updatedTime: undefined, timestamp: undefined }));
  write('a.jsonl', ['{', line(2), '', '\u0000\u00ff', timeless, 'x'.repeat(300_000), line(1)]);
  const faults = ['it does not say when it happened', 'it is longer than 262144 characters', 'it is not JSON', 'it is not JSON'];
  expect((await read()).what).toEqual(['/bin/1', '/bin/2', ...faults].sort());
});

test('of files that are too large the newest part is read, each has a share, and from when all is whole is said', async () => {
  const hours = Array.from({ length: 20 }, (_, index) => 20 - index);
  const long = hours.map((hour) => line(hour));
  write('loud.jsonl', long);
  write('quiet.jsonl', [line(22), line(21)]);
  const length = Buffer.byteLength(`${long[0]}\n`);
  const { what, recorded } = await read({ files: 10, bytes: Math.floor(7.5 * length) });
  // Five and a half lines are left to the loud one.
  expect(what).toEqual(expect.arrayContaining(['/bin/1', '/bin/5', '/bin/21', '/bin/22']));
  expect(what).not.toContain('/bin/6');
  expect(from(recorded)).toBe(5);
});

test('of too many files those written to last are read', async () => {
  for (const hour of [1, 2, 3, 4]) write(`${hour}.jsonl`, [line(hour + 10), line(hour)], hour);
  const { what, recorded } = await read({ ...TELEMETRY_LIMITS, files: 2 });
  expect(what).toEqual(['/bin/1', '/bin/11', '/bin/12', '/bin/2']);
  expect(from(recorded)).toBe(3);
});

test('what is no file of the folder is passed over, and links inside it are followed', async () => {
  writeFileSync(join(home, 'secret'), `${line(1, '/outside')}\n`);
  symlinkSync(join(home, 'secret'), join(folder, 'link.jsonl'));
  symlinkSync('nowhere', join(folder, 'dangling.jsonl'));
  execFileSync('mkfifo', [join(folder, 'pipe.jsonl')]);
  mkdirSync(join(folder, 'directory.jsonl'));
  // As a mounted ConfigMap has it.
  mkdirSync(join(folder, '..data'));
  writeFileSync(join(folder, '..data/a.jsonl'), `${line(1, '/inside')}\n`);
  symlinkSync('..data/a.jsonl', join(folder, 'a.jsonl'));
  write('b.jsonl.gz', ['\u001f\u008b']);
  expect((await read()).what).toEqual(['/inside']);
});

test('an abort ends it with the reason', async () => {
  write(
    'a.jsonl',
    Array.from({ length: 2000 }, () => line(1)),
  );
  const stop = new AbortController();
  let taken = 0;
  const reading = new TelemetryFiles({ directory: folder }).recorded(
    DAY_AGO,
    () => {
      if ((taken += 1) === 10) stop.abort('main goes first');
    },
    stop.signal,
  );
  await expect(reading).rejects.toBe('main goes first');
  expect(taken).toBeLessThan(1000);
});
