import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { renderDefinitions, renderInstall } from '../../../reconciler/src/install/install.ts';

const root = resolve(import.meta.dirname, '../../..');

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `parapet install ARGS` from the sources. */
function install(...args: readonly string[]): Ended {
  const command = ['--no-warnings', '--conditions=source', join(root, 'cli/bin/parapet.js'), 'install', ...args];
  try {
    return { status: 0, stdout: execFileSync(process.execPath, command, { encoding: 'utf8', stdio: 'pipe' }), stderr: '' };
  } catch (error) {
    const { status, stdout, stderr } = error as Ended;
    return { status, stdout, stderr };
  }
}

test('without options it is for parapet-system, with the image of this version', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'cli/package.json'), 'utf8')) as { version: string };
  const usual = {
    namespace: 'parapet-system',
    image: `parapet:${version}`,
    sourceNamespaces: ['parapet-system'],
    impersonation: false,
    flux: false,
  };
  expect(install()).toEqual({ status: 0, stdout: renderInstall(usual), stderr: '' });
});

test('options say otherwise', () => {
  const { stdout } = install(
    '--namespace',
    'security',
    '--image',
    'host/p:2',
    '--source-namespace',
    'a',
    '--source-namespace',
    'b',
    '--impersonation',
    '--flux',
    '--packages-claim',
    'npm',
  );
  expect(stdout).toBe(
    renderInstall({
      namespace: 'security',
      image: 'host/p:2',
      sourceNamespaces: ['a', 'b'],
      impersonation: true,
      flux: true,
      packagesClaim: 'npm',
    }),
  );
});

test('the definitions can be had alone', () => {
  expect(install('--crds-only').stdout).toBe(renderDefinitions());
});

test('a name that is none is wrong usage, and nothing is printed', () => {
  expect(install('--namespace', 'Not OK')).toEqual({
    status: 2,
    stdout: '',
    stderr: 'namespace: "Not OK" is not the name of a namespace [config-invalid]\n',
  });
});
