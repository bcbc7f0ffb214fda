/**
 * The contract between Argo CD and a config management plugin: the commands of our `plugin.yaml`, run as argocd-cmp-server runs them. That is in
 * a checkout without a `.git`, as user 999, without a home, with the application in the environment; the output must be objects only.
 */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { parsePolicies } from '@parapet/policy';
import { parse, parseAllDocuments } from 'yaml';

// real processes, on machines that may be busy
jest.setTimeout(180_000);

const root = resolve(import.meta.dirname, '../../..');
const UID = 999;
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const APPLICATION = {
  ARGOCD_APP_NAME: 'shop',
  ARGOCD_APP_NAMESPACE: 'shop',
  ARGOCD_APP_REVISION: COMMIT,
  ARGOCD_APP_SOURCE_PATH: 'clusters/a',
  ARGOCD_APP_SOURCE_REPO_URL: 'https://bot:s3cret@git.test/policies.git',
  ARGOCD_APP_PARAMETERS: '[]',
  KUBE_VERSION: '1.36',
};

interface Command {
  readonly command: readonly string[];
  readonly args?: readonly string[];
}
interface Plugin {
  readonly spec: { readonly discover: { readonly find: Command }; readonly generate: Command };
}
interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let home = '';
let application = '';
let plugin: Plugin;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'parapet-argocd-'));
  chmodSync(home, 0o755);
  application = join(home, 'work/clusters/a');
  mkdirSync(application, { recursive: true });
  mkdirSync(join(home, 'bin'));
  mkdirSync(join(home, 'tmp'));
  chownSync(join(home, 'tmp'), UID, UID);
  writeFileSync(
    join(home, 'bin/parapet'),
    `#!/bin/sh\nexec ${process.execPath} --no-warnings --conditions=source ${root}/cli/bin/parapet.js "$@"\n`,
  );
  chmodSync(join(home, 'bin/parapet'), 0o755);
  plugin = parse((await run({ command: ['parapet', 'print', 'argocd-plugin'] })).stdout) as Plugin;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Whether everybody may go through all folders above; a checkout in a private home is only for who may read anything. */
function isPublic(path: string): boolean {
  const parent = dirname(path);
  return (statSync(path).mode & 0o005) === 0o005 && (parent === path || isPublic(parent));
}

/** As argocd-cmp-server does: the command, then its arguments, without a shell, in the folder of the application. */
async function run({ command, args = [] }: Command, env: Readonly<Record<string, string>> = APPLICATION): Promise<Ended> {
  const reading = [root, process.execPath].map((path) => realpathSync(path)).every(isPublic)
    ? []
    : ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
  const child = spawn('setpriv', [`--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', ...reading, '--', ...command, ...args], {
    cwd: application,
    env: { PATH: `${join(home, 'bin')}:/usr/bin:/bin`, HOME: '', TMPDIR: join(home, 'tmp'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const status = await new Promise<number | null>((ended) => child.once('close', (code) => ended(code)));
  return { status, stdout: await stdout, stderr: await stderr };
}
function write(name: string, content: string): void {
  mkdirSync(dirname(join(application, name)), { recursive: true });
  writeFileSync(join(application, name), content);
}
const program = (body: string): string => `import { App, Chart } from 'cdk8s';
import { ContainerPolicy } from '@parapet/sdk';
console.log('a line of the program', process.env['ARGOCD_APP_NAME']);
const app = new App();
const chart = new Chart(app, 'chart', { namespace: 'shop' });
${body}
app.synth();
`;
const objectsOf = (stdout: string): unknown[] =>
  parseAllDocuments(stdout, { version: '1.1' }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as unknown;
  });

test('the output is the policies and nothing else, with the repository and commit that Argo CD names', async () => {
  write(
    'main.ts',
    program(`new ContainerPolicy(chart, 'a').blockExec('/bin/a');\nnew ContainerPolicy(new Chart(app, 'two'), 'b').blockExec('/bin/b');`),
  );
  const { status, stdout, stderr } = await run(plugin.spec.generate);
  expect({ status, stderr: stderr.replace(/^.*a line of the program.*\n/m, '') }).toEqual({ status: 0, stderr: '' });
  const objects = objectsOf(stdout) as { kind: string; metadata: { annotations: Record<string, string> } }[];
  expect(objects.map(({ kind }) => kind)).toEqual(['KubeArmorPolicy', 'KubeArmorPolicy']);
  expect(objects.map(({ metadata }) => metadata.annotations)).toMatchObject([
    { 'parapet.dev/repository': 'https://git.test/policies.git', 'parapet.dev/commit': COMMIT, 'parapet.dev/source': 'main.ts:6' },
    { 'parapet.dev/repository': 'https://git.test/policies.git', 'parapet.dev/commit': COMMIT, 'parapet.dev/source': 'main.ts:7' },
  ]);
  expect(parsePolicies(objects.map((value) => ({ value }))).problems).toEqual([]);
  expect(`${stdout}${stderr}`).not.toMatch(/s3cret|a line of the program shop/);
  // the same again, byte for byte, and nothing is left behind
  expect((await run(plugin.spec.generate)).stdout).toBe(stdout);
  expect(readdirSync(application)).toEqual(['main.ts']);
  expect(readdirSync(join(home, 'tmp'))).toEqual([]);
});

test('without an application in the environment, or with a revision that is no commit, no provenance is made up', async () => {
  write('main.ts', program(`new ContainerPolicy(chart, 'a').blockExec('/bin/a');`));
  for (const env of [{}, { ...APPLICATION, ARGOCD_APP_REVISION: '1.2.3' }]) {
    const { status, stdout } = await run(plugin.spec.generate, env);
    expect(status).toBe(0);
    expect(stdout).not.toMatch(/parapet\.dev\/(commit|repository)/);
  }
});

test('nothing on the output is an error, never an order to remove everything', async () => {
  write('main.ts', program(''));
  const { status, stdout, stderr } = await run(plugin.spec.generate);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/the program makes no policies: .* \[empty-result\]\n$/);
});

test.each([
  ['a program that throws', `throw new Error('broken on purpose');`, /main\.ts:6.*broken on purpose/],
  ['a policy with a problem', `new ContainerPolicy(chart, 'a').blockExec('bin/a');`, /bin\/a/],
])('%s fails, with nothing on the output and the reason beside it', async (_what, body, reason) => {
  write('main.ts', program(body));
  const { status, stdout, stderr } = await run(plugin.spec.generate);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(reason);
});

test('a folder is ours when its programs import our SDK, and looking never fails', async () => {
  const found = async (): Promise<boolean> => {
    const { status, stdout } = await run(plugin.spec.discover.find);
    expect(status).toBe(0);
    return stdout !== '';
  };
  expect(await found()).toBe(false);
  write('cdk8s.yaml', 'language: typescript\napp: npx ts-node main.ts\n');
  write('main.ts', `import { App } from 'cdk8s';\n`);
  write('README.md', '@parapet/sdk');
  write('node_modules/x/index.ts', `import '@parapet/sdk';\n`);
  expect(await found()).toBe(false);
  write('lib/shop.ts', `import { ContainerPolicy } from '@parapet/sdk';\n`);
  expect(await found()).toBe(true);
});
