import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openAlerts } from '../../../agent/src/adapters/alerts.ts';
import { eventually } from '../../support/agent-fakes.ts';

let home = '';
let file = '';
let log: string[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'parapet-alerts-'));
  file = join(home, 'alerts.jsonl');
  log = [];
});
afterEach(() => rm(home, { recursive: true, force: true }));

const open = (room?: number) => openAlerts({ to: file, log: (line) => void log.push(line), room });

test('alerts are appended a line each, to a file that only its owner reads', async () => {
  const sink = await open();
  sink.write('{"a":1}');
  sink.write('{"b":2}');
  await sink.close();
  expect(await readFile(file, 'utf8')).toBe('{"a":1}\n{"b":2}\n');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('what was in the file stays', async () => {
  await writeFile(file, 'old\n');
  const sink = await open();
  sink.write('new');
  await sink.close();
  expect(await readFile(file, 'utf8')).toBe('old\nnew\n');
});

test('a file that was rotated away is opened anew when asked', async () => {
  const sink = await open();
  sink.write('one');
  await eventually('the first', () => execFileSync('cat', [file], { encoding: 'utf8' }) === 'one\n');
  await rename(file, `${file}.1`);
  sink.reopen();
  sink.write('two');
  await sink.close();
  expect([await readFile(`${file}.1`, 'utf8'), await readFile(file, 'utf8')]).toEqual(['one\n', 'two\n']);
});

test('a rotated file is noticed without being asked', async () => {
  const sink = await open();
  sink.write('one');
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await rename(file, `${file}.1`);
  sink.write('two');
  await sink.close();
  expect(await readFile(file, 'utf8')).toBe('two\n');
});

test('what finds the queue full is dropped and counted, and nobody waits', async () => {
  const sink = await open(100);
  for (let index = 0; index < 50; index += 1) sink.write('123456789');
  expect(sink.dropped()).toBe(40);
  await sink.close();
  expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(11);
});

test('a file that can no longer be written costs alerts, and says so once', async () => {
  const sink = await open();
  await rm(home, { recursive: true });
  sink.reopen();
  sink.write('one');
  await eventually('the loss', () => sink.dropped() === 1);
  sink.write('two');
  await eventually('the next', () => sink.dropped() === 2);
  expect(log).toHaveLength(1);
  expect(log[0]).toContain('alerts are lost');
  await sink.close();
});

test('a file that cannot be opened is refused at the start', async () => {
  file = join(home, 'no/such/alerts.jsonl');
  await expect(open()).rejects.toThrow(`alerts cannot be written to ${file}`);
});

test('a pipe that nobody reads never blocks the agent', async () => {
  execFileSync('mkfifo', [file]);
  await expect(open()).rejects.toThrow('alerts cannot be written');
  const reader = createReadStream(file);
  let sink: Awaited<ReturnType<typeof open>> | undefined;
  for (let tries = 0; sink === undefined && tries < 100; tries += 1) {
    sink = await open().catch(() => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 10)));
  }
  if (sink === undefined) throw new Error('the pipe has a reader');
  const begun = performance.now();
  for (let index = 0; index < 1000; index += 1) sink.write('x'.repeat(1000));
  expect(performance.now() - begun).toBeLessThan(5000);
  let read = 0;
  reader.on('data', (chunk) => (read += chunk.length));
  await sink.close();
  await eventually('everything', () => read === 1000 * 1001);
  reader.destroy();
});
