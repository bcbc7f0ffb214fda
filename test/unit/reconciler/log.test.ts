import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createLog } from '../../../reconciler/src/adapters/log.ts';
import type { LogOptions, OpenLog } from '../../../reconciler/src/adapters/log.ts';
import type { LogEvent } from '../../../reconciler/src/ports.ts';

const open = (options: Partial<LogOptions> = {}): OpenLog & { lines: string[] } => {
  const lines: string[] = [];
  return { ...createLog({ format: 'json', write: (line) => void lines.push(line), ...options }), lines };
};
const event = (rest: Partial<LogEvent> = {}): LogEvent => ({ level: 'info', stage: 'synth', message: 'two policies', ...rest });
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test('an event is one line of JSON with its level, time in ISO form, and all that it says', () => {
  const { log, lines } = open();
  const full = event({
    level: 'warn',
    source: 'parapet-system/shop',
    commit: 'a'.repeat(40),
    revision: `main@sha1:${'a'.repeat(40)}`,
    context: 'parapet/synth',
    state: 'failure',
    durationMs: 12.5,
    problems: ['empty-result'],
  });
  log(full);
  log(event());
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toMatch(/^[^\n]+\n$/);
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(first).toEqual({ ...full, time: expect.stringMatching(TIME) as unknown });
  expect(second).toEqual({ ...event(), time: expect.stringMatching(TIME) as unknown });
});

test('lines for people are as parapet reconcile prints them, with what is new around that', () => {
  const { log, lines } = open({ format: 'text' });
  log(event({ stage: 'status', commit: '0123456789abcdef', context: 'parapet/synth', state: 'success', message: 'done' }));
  log(event({ source: 'ns/shop', revision: 'main@sha1:0123', durationMs: 12.4, problems: ['empty-result', 'no-program'] }));
  expect(lines[0]).toMatch(/^\d{4}-\S+Z info status 0123456789ab parapet\/synth success: done\n$/);
  expect(lines[1]).toMatch(/^\S+ info synth ns\/shop main@sha1:0123: two policies \(12 ms\) \[empty-result, no-program\]\n$/);
});

test.each<[LogEvent['level'], number]>([
  ['info', 3],
  ['warn', 2],
  ['error', 1],
])('from level %s on, %d of three are logged', (level, count) => {
  for (const format of ['json', 'text'] as const) {
    const { log, lines } = open({ level, format });
    for (const each of ['info', 'warn', 'error'] as const) log(event({ level: each }));
    expect(lines).toHaveLength(count);
  }
});

test.each(['json', 'text'] as const)('nothing that is said steers a terminal or makes another line (%s)', (format) => {
  const { log, lines } = open({ format });
  const evil = 'a\nb\rc\u001b[2Jd\u009b31me\u0000f\u2028g\u202eh\u200bi\ttab';
  log(event({ message: evil, context: evil, source: evil, stage: evil, commit: evil, revision: evil }));
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toMatch(/[\p{Cf}\p{Zl}\p{Zp}]|(?!\n$)\p{Cc}/u);
  expect(lines[0]).not.toMatch(/\\u00/);
  expect(lines[0]).toContain('a b?c?[2Jd?31me?f?g?h?i tab');
});

const SECRET = 'ghp_s3cr3t/Token+With=Signs';
const forms = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64url'),
  Buffer.from(`x-access-token:${secret}`).toString('base64'),
  Buffer.from(`me:${secret}@`).toString('base64url'),
  Buffer.from(`you:${secret}and more`).toString('base64'),
  encodeURIComponent(secret),
  encodeURIComponent(secret).replace(/%../g, (escape) => escape.toLowerCase()),
  new URLSearchParams({ token: secret }).toString(),
  JSON.stringify({ token: secret }),
];

test.each(['json', 'text'] as const)('a registered secret is in no field of no line, in none of its forms (%s)', (format) => {
  const { log, redact, lines } = open({ format });
  redact([SECRET]);
  for (const form of forms(SECRET)) {
    log(event({ message: `cannot read https://x:${form}@git.test/: denied` }));
    log(event({ context: form, revision: form, source: form }));
  }
  expect(lines[0]).toContain('https://x:***@git.test/: denied');
  const all = lines.join('');
  expect(all).not.toMatch(/s3cr3t|Token\+With|Signs/i);
  // what is left of the encoded forms is what was around the secret
  for (const piece of Buffer.from(SECRET).toString('base64').match(/.{8}/g) ?? []) expect(all).not.toContain(piece);
});

test('any secret is kept out of any message, wherever it is in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 80 }), fc.string(), fc.string(), (secret, before, after) => {
      fc.pre(secret.trim().length >= 8 && !/[\\*]/.test(secret));
      const { log, redact, lines } = open();
      redact([secret]);
      for (const form of [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)])
        log(event({ message: `${before}${form}${after}` }));
      for (const line of lines) {
        const { message } = JSON.parse(line) as { message: string };
        expect(message).toContain('***');
        if (!`${before}***${after}`.includes(secret)) expect(message).not.toContain(secret);
      }
    }),
  );
});

test('a private key is kept out line by line, a secret within another whole, and an old one while it is still on its way', () => {
  const { log, redact, lines } = open();
  const key = '-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA1234\nq9wXyZ0123456789abcd\n-----END KEY-----\n';
  redact([key, 'hunter2', 'hunter2hunter3']);
  redact(['rotated-value']);
  log(event({ message: `bad line q9wXyZ0123456789abcd of ${key.replaceAll('\n', ' ')}` }));
  log(event({ message: 'hunter2hunter3 hunter2 rotated-value' }));
  expect(lines.join('')).not.toMatch(/q9wXyZ|MIIEp|hunter|rotated/);
});

test('values too short to be secret change nothing', () => {
  const { log, redact, lines } = open();
  redact(['', 'a', 'git']);
  log(event({ message: 'a git repository' }));
  expect(lines[0]).toContain('"a git repository"');
});

test('thousands of rotations cost neither memory without end nor much time for a line', () => {
  const { log, redact, lines } = open();
  for (let turn = 0; turn < 5_000; turn += 1) redact([`token-number-${turn}-of-many`]);
  const started = performance.now();
  log(event({ message: 'uses token-number-4999-of-many '.repeat(10) }));
  expect(performance.now() - started).toBeLessThan(1_000);
  expect(lines[0]).not.toContain('number-4999');
});

test('unless told, lines go to stderr, all of them before the process ends', () => {
  const root = resolve(import.meta.dirname, '../../..');
  const module = join(root, 'reconciler/src/adapters/log.ts');
  const program = `import { createLog } from ${JSON.stringify(module)};
    const { log } = createLog({ format: 'json' });
    for (let n = 0; n < 1000; n += 1) log({ level: 'info', stage: 'synth', message: 'line ' + n });
    process.exit(0);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=source', '--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stdout).toBe('');
  expect(stderr.trim().split('\n')).toHaveLength(1000);
});
