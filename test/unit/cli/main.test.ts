import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { explainFailure } from '../../../cli/src/exit.ts';
import { PRINTED } from '../../../reconciler/src/printed.ts';

const root = resolve(import.meta.dirname, '../../..');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parapet-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `parapet ARGS` from the sources, in a process of its own, in the test's folder. */
function parapet(
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Readonly<Record<string, string>> } = {},
): Ended {
  const options = { cwd: folder, encoding: 'utf8', input, env: { PATH: process.env.PATH, ...env }, stdio: 'pipe' } as const;
  const command = ['--conditions=source', join(root, 'cli/bin/parapet.js'), ...args];
  try {
    // Node's warnings about itself are not the program's.
    return { status: 0, stdout: execFileSync(process.execPath, ['--no-warnings', ...command], options), stderr: '' };
  } catch (error) {
    const { status, stdout, stderr } = error as Ended;
    return { status, stdout, stderr };
  }
}

function write(file: string, text: string): void {
  mkdirSync(join(folder, file, '..'), { recursive: true });
  writeFileSync(join(folder, file), text);
}

const program = (body: string): string => `import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
const app = new App();
const chart = new Chart(app, 'chart');
${body}
app.synth();
`;
const POLICY = `apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: { name: a }
spec:
  selector: { matchLabels: { app: web } }
  process:
    matchPaths:
      - path: /bin/a
`;

describe('usage', () => {
  test.each([
    { args: [], text: /Usage: parapet/ },
    { args: ['frob'], text: /unknown command 'frob'/ },
    { args: ['synth'], text: /missing required argument 'dir'/ },
    { args: ['synth', '.', '--nope'], text: /unknown option '--nope'/ },
    { args: ['check'], text: /missing required argument/ },
    { args: ['agent', 'run'], text: /required option '--policies <dir>' not specified/ },
    { args: ['agent', 'stop', '--keep', '--remove'], text: /cannot be used with/ },
    { args: ['agent', 'wait', '--policy', 'a/b', '--timeout', 'soon'], text: /'soon' is not a time/ },
    { args: ['reconcile', '--once', '--interval', '5s'], text: /cannot be used with/ },
    { args: ['synth', '.', '--stdout', '--out', 'x'], text: /cannot be used with/ },
    { args: ['print', 'frob'], text: /Allowed choices are argocd-plugin/ },
    { args: ['get', 'shop', '-A'], text: /-A cannot be used with it/ },
    { args: ['get', '-o', 'xml'], text: /Allowed choices are table, json, yaml/ },
    { args: ['tree'], text: /missing required argument 'name'/ },
    { args: ['diff', '../shop'], text: /It is not a name/ },
    { args: ['sync', 'shop', '--timeout', 'soon'], text: /It is not a time/ },
    { args: ['suspend', 'shop', '-n', 'a/b'], text: /It is not a name/ },
    { args: ['reconcile'], text: /no repository to follow[\s\S]*no target to write to/ },
  ])('$args is refused with exit code 2 and without a stack', ({ args, text }) => {
    const { status, stdout, stderr } = parapet(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(text);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('help and version are no mistakes', () => {
    expect(parapet(['--help']).stdout).toMatch(/Exit codes: 0 done, 1 the input has problems/);
    expect(parapet(['agent', 'run', '--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('Examples:') as unknown });
    expect(parapet(['--version']).stdout).toBe(
      `${(JSON.parse(readFileSync(join(root, 'cli/package.json'), 'utf8')) as { version: string }).version}\n`,
    );
  });
});

test.each(['get', 'tree', 'diff', 'sync', 'suspend', 'resume'])('%s needs to know a cluster', (command) => {
  const { status, stdout, stderr } = parapet([command, ...(command === 'get' ? [] : ['shop'])], { env: { HOME: folder } });
  expect({ status, stdout, stderr }).toEqual({
    status: 3,
    stdout: '',
    stderr: `parapet: there is no kubeconfig at ${folder}/.kube/config\n`,
  });
});

describe('print', () => {
  test('prints every file there is, for the names that were given', () => {
    const help = parapet(['print', '--help']).stdout;
    for (const what of Object.keys(PRINTED)) expect(help).toMatch(new RegExp(`^  ${what} `, 'm'));
    expect(parapet(['print', 'argocd-health', '--argocd-namespace', 'gitops']).stdout).toContain('namespace: gitops\n');
    expect(parapet(['print', 'argocd-sidecar', '--image', 'r/p:1']).stdout).toContain('image: r/p:1\n');
    const admission = parapet(['print', 'flux-admission', '--namespace', 'safe', '--service-account', "o'b"]).stdout;
    expect(admission).toContain(String.raw`request.userInfo.username == 'system:serviceaccount:safe:o\'b'`);
    expect(admission).toContain('http://parapet-artifacts.safe.svc.cluster.local./');
  });
});

describe('check', () => {
  test('counts policies that have no problems', () => {
    write('policies/a.yaml', `${POLICY}---\n${POLICY.replace('name: a', 'name: b')}`);
    expect(parapet(['check', 'policies'])).toMatchObject({ status: 0, stdout: '2 policies, no problems\n' });
    expect(parapet(['check', '-'], { input: POLICY })).toMatchObject({ status: 0, stdout: '1 policy, no problems\n' });
  });

  test('lists all problems of all files, with their lines', () => {
    write('p/a.yaml', POLICY.replace('/bin/a', 'bin/a'));
    write('p/b.yaml', POLICY.replace('process:', 'procces:'));
    write('p/c.yaml', 'kind: [');
    const { status, stdout, stderr } = parapet(['check', 'p', 'missing.yaml']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^p\/a\.yaml:8: .*spec\.process\.matchPaths\[0\]\.path/m);
    expect(stderr).toMatch(/^p\/b\.yaml:6: .*spec\.procces/m);
    expect(stderr).toMatch(/^p\/c\.yaml:1:8: .*\[yaml-syntax\]$/m);
    expect(stderr).toMatch(/^missing\.yaml: there is no such file or directory/m);
  });
});

describe('synth', () => {
  test('a folder with one file and nothing installed gives its manifests', () => {
    write('repo/main.ts', program(`new ContainerPolicy(chart, 'a').blockExec('/bin/a');`));
    const { status, stdout } = parapet(['synth', 'repo']);
    expect(status).toBe(0);
    expect(stdout).toContain('parapet.dev/source: main.ts:5');
    expect(parapet(['check', '-'], { input: stdout }).status).toBe(0);
  });

  test('with --out the manifests are in files, and a policy that is gone from the program goes from them', () => {
    write(
      'repo/main.ts',
      program(`new ContainerPolicy(chart, 'a').blockExec('/bin/a'); new ContainerPolicy(new Chart(app, 'two'), 'b').blockExec('/b');`),
    );
    expect(parapet(['synth', 'repo', '--out', 'out'])).toMatchObject({ status: 0, stdout: '' });
    expect(parapet(['check', 'out'])).toMatchObject({ status: 0, stdout: '2 policies, no problems\n' });
    write('repo/main.ts', program(`new ContainerPolicy(chart, 'a').blockExec('/bin/a');`));
    expect(parapet(['synth', 'repo', '--out', 'out']).status).toBe(0);
    expect(parapet(['check', 'out'])).toMatchObject({ status: 0, stdout: '1 policy, no problems\n' });
  });

  test('what the package store lacks is the world’s failure, whether a flag or the environment names the store', () => {
    mkdirSync(join(folder, 'npm/_cacache'), { recursive: true });
    write('repo/main.ts', program('').replace('import', `import 'palette';\nimport`));
    const palette = { version: '1.2.3', integrity: `sha512-${'A'.repeat(86)}==` };
    write('repo/package-lock.json', JSON.stringify({ lockfileVersion: 3, packages: { 'node_modules/palette': palette } }));
    const lacking = { status: 3, stderr: expect.stringContaining('npm cache add palette@1.2.3 --cache DIR') as unknown };
    expect(parapet(['synth', 'repo', '--packages', 'npm'])).toMatchObject(lacking);
    expect(parapet(['synth', 'repo'], { env: { PARAPET_PACKAGES: 'npm' } })).toMatchObject(lacking);
    expect(parapet(['synth', 'repo'])).toMatchObject({ status: 1, stderr: expect.stringContaining('--packages') as unknown });
    rmSync(join(folder, 'repo/package-lock.json'));
  });

  test("a program's problems are all listed with the author's lines, and nothing is written", () => {
    write('repo/main.ts', program(`new ContainerPolicy(chart, 'a', { severity: 11 })\n  .blockExec('bin/a')\n  .blockNetwork();`));
    const { status, stdout, stderr } = parapet(['synth', 'repo', '--out', 'out']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^main\.ts:5: .*spec\.severity/m);
    expect(stderr).toMatch(/^main\.ts:6: .*matchPaths\[0\]\.path/m);
    expect(stderr).toMatch(/^main\.ts:7: .*blockNetwork: nothing is named/m);
    expect(stderr.trim().split('\n')).toHaveLength(3);
    expect(() => readFileSync(join(folder, 'out'))).toThrow(/ENOENT/);
  });

  test('manifests that no node would accept are refused, at the line that made them', () => {
    const body = `new ApiObject(chart, 'a', { apiVersion: 'security.kubearmor.com/v1', kind: 'KubeArmorPolicy', spec: { procces: {} } });`;
    write('repo/main.ts', program(body).replace('import { App,', 'import { ApiObject, App,'));
    const { status, stderr } = parapet(['synth', 'repo']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/spec\.procces.*unknown-field/);
  });

  test('a message of the program cannot steer the terminal or pretend to be another line', () => {
    write('repo/main.ts', `throw new Error('\\u001b[2Jgone\\u0007\\nmain.ts:1: all is well');`);
    const { status, stderr } = parapet(['synth', 'repo']);
    expect(status).toBe(1);
    expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('a folder that is not there is the input’s problem', () => {
    expect(parapet(['synth', 'nowhere'])).toMatchObject({ status: 1, stderr: expect.stringContaining('[path-not-found]') as unknown });
  });
});

describe('reconcile', () => {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.test', ...args], {
      cwd: join(folder, 'repo'),
      encoding: 'utf8',
      stdio: 'pipe',
    });

  test('one commit becomes policies in the target, and a bad one leaves them there', () => {
    write('repo/main.ts', program(`new ContainerPolicy(chart, 'a').blockExec('/bin/a');`));
    git('init', '--quiet', '--initial-branch=main');
    git('add', '.');
    git('commit', '--quiet', '-m', 'one');
    const reconcile = (): Ended =>
      parapet(['reconcile', '--source', pathToFileURL(join(folder, 'repo')).href, '--target', 'target', '--once']);
    expect(reconcile().status).toBe(0);
    expect(parapet(['check', 'target/policies'])).toMatchObject({ status: 0, stdout: '1 policy, no problems\n' });
    write('repo/main.ts', program(`new ContainerPolicy(chart, 'a').blockExec('bin/a');`));
    git('commit', '--quiet', '-am', 'two');
    const bad = reconcile();
    expect(bad.status).toBe(1);
    expect(bad.stderr).toMatch(/^main\.ts:5: /m);
    expect(parapet(['check', 'target/policies'])).toMatchObject({ status: 0, stdout: '1 policy, no problems\n' });
  });

  test('a repository that is not there is the world’s failure, told without a stack', () => {
    const { status, stderr } = parapet(['reconcile', '--source', 'file:///nowhere/x.git', '--target', 'target', '--once']);
    expect(status).toBe(3);
    expect(stderr).toContain('[repository-unreachable]');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('a mistake in the configuration file has exit code 1 and its line', () => {
    write('reconciler.yaml', 'source: file:///x\ntarget: t\nintervall: 5s\n');
    const { status, stderr } = parapet(['reconcile', '--config', 'reconciler.yaml']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/reconciler\.yaml:3/);
  });
});

describe('agent', () => {
  test('without an agent, status says how to start one and exits with 3', () => {
    const { status, stderr } = parapet(['agent', 'status', '--state', folder]);
    expect(status).toBe(3);
    expect(stderr).toBe('parapet: no agent runs here; start it with: parapet agent run --policies DIR\n');
  });

  test('asking about the agent loads neither the synthesizer nor Git nor GitHub', () => {
    const { stderr } = parapet(['agent', 'status', '--state', folder], { env: { NODE_DEBUG: 'esm,module' } });
    expect(stderr).toMatch(/node_modules\/commander\//);
    expect(stderr).not.toMatch(/node_modules\/(esbuild|cdk8s|constructs|octokit|@octokit|simple-git|quickjs-wasi)\//);
  });
});

describe('failures', () => {
  const told = (error: unknown, env = {}): { code: number; text: string } => {
    let text = '';
    const code = explainFailure({ out: () => undefined, err: (more) => (text += more), env }, error);
    return { code, text };
  };

  test('what the world did is one line with its causes', () => {
    const error = Object.assign(new Error('the target is not writable', { cause: new Error('EROFS') }), { name: 'StageError' });
    expect(told(error)).toEqual({ code: 3, text: 'parapet: the target is not writable: EROFS\n' });
  });

  test('a bug asks to be reported, with the stack on demand', () => {
    expect(told(new TypeError('x is undefined')).text).toBe(
      'parapet: bug: x is undefined (please report this; PARAPET_DEBUG=1 shows where)\n',
    );
    expect(told(new TypeError('x is undefined'), { PARAPET_DEBUG: '1' }).text).toMatch(/^ +at .*main\.test\.ts/m);
    expect(told('text').text).toContain('bug: text');
  });
});
