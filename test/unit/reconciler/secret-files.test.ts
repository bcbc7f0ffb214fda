import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { SecretFiles } from '../../../reconciler/src/adapters/secret-files.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'parapet-secret-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

let generation = 0;
/** Writes all keys as the kubelet does: a new folder, and then the link `..data` to it in one step. */
function mount(keys: Record<string, string>): void {
  generation += 1;
  const folder = `..2026_01_02_${generation}`;
  mkdirSync(join(home, folder));
  for (const [key, value] of Object.entries(keys)) {
    writeFileSync(join(home, folder, key), value);
    rmSync(join(home, key), { force: true });
    symlinkSync(join('..data', key), join(home, key));
  }
  symlinkSync(folder, join(home, '..data_tmp'));
  renameSync(join(home, '..data_tmp'), join(home, '..data'));
}

async function refusal(work: Promise<unknown>): Promise<StageError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StageError);
  expect(error).toMatchObject({ stage: 'secret', retry: true });
  return error as StageError;
}

test('keys are read as written, and one of them without what is around it', async () => {
  mount({ username: 'bot', password: ' hunter2\n' });
  const secret = new SecretFiles(home);
  expect(Object.fromEntries(await secret.all())).toEqual({ username: 'bot', password: ' hunter2\n' });
  expect(await secret.get('password')).toBe('hunter2');
});

test('what is rotated is read again, and what is not is not', async () => {
  mount({ token: 'first' });
  const seen: string[][] = [];
  const secret = new SecretFiles(home, { redact: (values) => void seen.push([...values]) });
  expect(await secret.get('token')).toBe('first');
  expect(await secret.get('token')).toBe('first');
  expect(seen).toEqual([['first']]);
  // the same length, within the same moment
  mount({ token: 'other' });
  expect(await secret.get('token')).toBe('other');
  expect(seen).toEqual([['first'], ['other']]);
});

test('plain files count when they are written to, replaced, added or removed', async () => {
  writeFileSync(join(home, 'token'), 'first');
  const secret = new SecretFiles(home);
  expect(await secret.get('token')).toBe('first');
  writeFileSync(join(home, 'token'), 'other');
  expect(await secret.get('token')).toBe('other');
  writeFileSync(join(home, 'new'), 'third');
  renameSync(join(home, 'new'), join(home, 'token'));
  expect(await secret.get('token')).toBe('third');
  rmSync(join(home, 'token'));
  expect((await refusal(secret.get('token'))).message).toBe(`the secret ${home}/token is not there`);
});

test('all keys are of the same moment, however often they are exchanged meanwhile', async () => {
  const filler = 'x'.repeat(200_000);
  const pair = (turn: number): Record<string, string> => ({ username: `${turn} ${filler}`, password: `${turn} ${filler}` });
  mount(pair(0));
  const secret = new SecretFiles(home);
  let done = false;
  const reader = (async (): Promise<number> => {
    let reads = 0;
    for (; !done; reads += 1) {
      const values = await secret.all();
      expect(values.get('username')?.split(' ')[0]).toBe(values.get('password')?.split(' ')[0]);
    }
    return reads;
  })();
  for (let turn = 1; turn <= 60; turn += 1) {
    mount(pair(turn));
    await new Promise((next) => setTimeout(next, 5));
  }
  done = true;
  expect(await reader).toBeGreaterThan(5);
  expect((await secret.get('username')).split(' ')[0]).toBe('60');
});

test.each<[string, (file: string) => void, RegExp]>([
  ['nothing', () => undefined, /is not there$/],
  ['an empty file', (file) => writeFileSync(file, '\n'), /is empty$/],
  ['a directory', (file) => mkdirSync(file), /is not there$/],
  ['a pipe', (file) => void execFileSync('mkfifo', [file]), /is not a file$/],
  ['a link to nowhere', (file) => symlinkSync('..data/token', file), /cannot be read$/],
  ['too much', (file) => writeFileSync(file, 's3cret'.repeat(200_000)), /is larger than 1048576 bytes$/],
  ['no text', (file) => writeFileSync(file, Buffer.from([0x73, 0xff, 0xfe])), /cannot be read as text$/],
])('%s is refused, with the name of the file and nothing of what it holds', async (...[, write, why]) => {
  write(join(home, 'token'));
  const error = await refusal(new SecretFiles(home).get('token'));
  expect(error.message).toMatch(why);
  expect(error.message).toContain(join(home, 'token'));
  expect(error.message + String(error.cause)).not.toContain('s3cret');
});

test('a directory that is not there yet is refused until it is', async () => {
  const secret = new SecretFiles(join(home, 'later'));
  expect((await refusal(secret.get('token'))).message).toBe(`the secret ${home}/later cannot be listed`);
  mkdirSync(join(home, 'later'));
  writeFileSync(join(home, 'later', 'token'), 'here');
  expect(await secret.get('token')).toBe('here');
});

test('files that no key can be are not looked at', async () => {
  writeFileSync(join(home, 'with space'), 'x');
  writeFileSync(join(home, '..hidden'), 'x');
  writeFileSync(join(home, 'token'), 'y');
  expect([...(await new SecretFiles(home).all()).keys()]).toEqual(['token']);
});
