import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../../..');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parapet-what-if-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `parapet what-if ARGS` from the sources, in the test's folder. */
function whatIf(args: readonly string[], input = ''): Ended {
  const command = ['--no-warnings', '--conditions=source', join(root, 'cli/bin/parapet.js'), 'what-if', ...args];
  const options = { cwd: folder, encoding: 'utf8', input, env: { PATH: process.env.PATH }, stdio: 'pipe' } as const;
  try {
    return { status: 0, stdout: execFileSync(process.execPath, command, options), stderr: '' };
  } catch (error) {
    const { status, stdout, stderr } = error as Ended;
    return { status, stdout, stderr };
  }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

const policy = (action: string): string => `apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: { name: no-shell, namespace: shop, annotations: { parapet.dev/source: 'main.ts:3' } }
spec:
  selector: { matchLabels: { app: web } }
  process: { matchPaths: [{ path: /bin/sh }] }
  action: ${action}
`;
const alert = readFileSync(join(root, 'test/golden/alerts/denial.json'), 'utf8');
const summary = readFileSync(join(root, 'test/golden/alerts/summary.json'), 'utf8');

test('what would newly be blocked is told by rule and in one line, with exit code 1', () => {
  write('after/a.yaml', policy('Block'));
  write('alerts.jsonl', alert + summary);
  const { status, stdout } = whatIf(['--after', 'after', '--telemetry', 'alerts.jsonl']);
  expect(stdout.replace(/ +/g, ' ').split('\n')).toEqual([
    ' TIMES BY WHERE',
    'would block 9001 KubeArmorPolicy shop/no-shell spec.process.matchPaths[0] (main.ts:3) shop/c5: /bin/sh by /bin/init',
    '',
    'would have blocked 9001 accesses in 1 s, in 1 workload',
    '',
  ]);
  const [head = '', row = ''] = stdout.split('\n');
  expect([head.indexOf('BY'), head.indexOf('WHERE')]).toEqual([row.indexOf('KubeArmorPolicy'), row.indexOf('shop/c5')]);
  expect(status).toBe(1);
});

test('where nothing would newly be blocked the exit code is 0', () => {
  write('before.yaml', policy('Block'));
  write('after.yaml', policy('Audit'));
  write('alerts.jsonl', alert);
  const sets = ['--before', 'before.yaml', '--after', 'after.yaml'];
  expect(whatIf([...sets, '--telemetry', '-'], alert)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(
      /^no longer blocked +1 +KubeArmorPolicy shop\/no-shell.*\n\nwould have blocked nothing in 1 s; 1 no longer blocked\n$/m,
    ) as unknown,
  });
  expect(whatIf([...sets, '--telemetry', 'alerts.jsonl', 'alerts.jsonl', '-o', 'json'])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('"no-longer-blocked": 2') as unknown,
  });
  const same = whatIf(['--before', 'after.yaml', '--after', 'after.yaml', '--telemetry', 'alerts.jsonl', '-o', 'json']);
  expect(JSON.parse(same.stdout)).toMatchObject({
    text: 'would have blocked nothing in 1 s',
    first: '2023-11-14T22:13:20.123Z',
    records: 1,
    counts: { unchanged: 1 },
  });
});

test('a policy program is synthesized, and namespaces say what allow-lists do not name', () => {
  write(
    'program/main.ts',
    `import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
const app = new App();
new ContainerPolicy(new Chart(app, 'c', { namespace: 'shop' }), 'a').blockExec('/bin/sh');
app.synth();
`,
  );
  expect(whatIf(['--after', 'program', '--telemetry', '-'], alert)).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('(main.ts:4)') as unknown,
  });
  write('allow/a.yaml', policy('Allow').replace('/bin/sh', '/bin/ls'));
  const allow = ['--after', 'allow', '--telemetry', '-'];
  expect(whatIf(allow, alert).stdout).toContain('and audited 1 access');
  expect(whatIf([...allow, '--default-posture', 'block'], alert).status).toBe(1);
  write('allow/n.yaml', `apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, annotations: { kubearmor-file-posture: block } }\n`);
  expect(whatIf(allow, alert).stdout).toContain('would have blocked 1 access');
});

test('lines that are no records are listed with their numbers, up to twenty, and passed over', () => {
  write('after.yaml', policy('Block'));
  write('alerts.jsonl', `\n${alert}nonsense\n[]\n${'{"type":\n'.repeat(30)}`);
  // The launcher's output on success has no stderr here, so something is blocked.
  const { status, stdout, stderr } = whatIf(['--after', 'after.yaml', '--telemetry', 'alerts.jsonl']);
  expect(status).toBe(1);
  expect(stdout).toContain('would have blocked 1 access');
  const lines = stderr.trim().split('\n');
  expect(lines.slice(0, 2)).toEqual([
    'alerts.jsonl:3: warning: it is not JSON [telemetry-unreadable]',
    'alerts.jsonl:4: warning: it is not an object [telemetry-unreadable]',
  ]);
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe('alerts.jsonl: warning: 12 more lines are no records [telemetry-unreadable]');
});

test.each([
  ['a file that holds no record', 'nonsense\n', /alerts\.jsonl: no line of it is a record .*\[telemetry-unreadable\]/],
  ['a file that is not there', undefined, /alerts\.jsonl: there is no such file or directory \[file-unreadable\]/],
])('%s is a problem of the input', (_name, text, message) => {
  write('after.yaml', policy('Block'));
  if (text !== undefined) write('alerts.jsonl', text);
  const { status, stdout, stderr } = whatIf(['--after', 'after.yaml', '--telemetry', 'alerts.jsonl']);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(message);
});

test('policies that have problems are not replayed', () => {
  write('after.yaml', policy('Block').replace('/bin/sh', 'bin/sh'));
  write('alerts.jsonl', alert);
  expect(whatIf(['--after', 'after.yaml', '--telemetry', 'alerts.jsonl'])).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/^after\.yaml:6: .*invalid-path/) as unknown,
  });
});

test('what telemetry says cannot steer the terminal', () => {
  write('after.yaml', policy('Block'));
  const hostile = JSON.stringify({ ...(JSON.parse(alert) as object), podName: 'p\u001b[2J\u009b2J\nwould have blocked nothing' });
  const { stdout } = whatIf(['--after', 'after.yaml', '--telemetry', '-'], `${hostile}\n`);
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  expect(stdout.trim().split('\n')).toHaveLength(4);
  expect(whatIf(['--after', 'after.yaml', '--telemetry', '-', '-o', 'json'], `${hostile}\n`).stdout).not.toMatch(/[\u007f-\u009f]/);
});
