/** A program as people write it, which must give the same whatever was run before; and the bounds that hold for all. */
import type { SynthLimits } from '../../../reconciler/src/adapters/synth/index.ts';
import type { Tree } from './attempt.ts';

const MIB = 1024 * 1024;

/** Smaller than those of everyday, so that what is too much is so sooner; time is for machines that are busy. */
export const LIMITS: Partial<SynthLimits> = { memoryBytes: 64 * MIB, runMs: 20_000, bundleMs: 40_000 };

export const HONEST: Tree = {
  'main.ts': `import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { web } from './lib/web.ts';

const names = ['apt', 'dpkg'];
const policies = names.map((name) => web(name, createHash('sha256').update(name).digest('hex').slice(0, 8)));
mkdirSync('dist');
writeFileSync('dist/shop.yaml', policies.map((each) => JSON.stringify(each)).join('\\n---\\n'));
`,
  'lib/web.ts': `export const web = (program: string, id: string) => ({
  apiVersion: 'security.kubearmor.com/v1',
  kind: 'KubeArmorPolicy',
  metadata: { name: 'no-' + program + '-' + id, namespace: 'shop' },
  spec: { selector: { matchLabels: { app: 'web' } }, process: { matchPaths: [{ path: '/usr/bin/' + program }] }, action: 'Block' },
});
`,
};

/** A program that leaves what `body` puts into `out`; its body starts on line 5, its imports are on line 3. */
export const reporting = (body: string, imports = ''): string => `
import { writeFileSync } from 'node:fs';
${imports}
const out: Record<string, unknown> = {};
${body}
writeFileSync('out.json', JSON.stringify({ kind: 'ConfigMap', data: out }));
`;

/** The same through a construct of cdk8s. */
export const constructing = (body: string): string => `import { App, Chart, ApiObject } from 'cdk8s';
const out: Record<string, unknown> = {};
${body}
const app = new App();
new ApiObject(new Chart(app, 'chart'), 'out', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'out' }, data: out });
app.synth();
`;

/** A program that calls each function of `attempts` and leaves what it gives, or the code or name of what it throws. */
export const attempting = (attempts: string, imports = ''): string =>
  reporting(
    `const attempts: Record<string, () => unknown> = {${attempts}};
for (const [name, attempt] of Object.entries(attempts)) {
  try { out[name] = String(await attempt()); } catch (error) { out[name] = (error as any).code ?? (error as any).name; }
}`,
    imports,
  );

/** A program that writes its manifests as text; its body starts on line 4. */
export const writing = (body: string): string => `import fs from 'fs';
fs.mkdirSync('dist');
const write = (text: string, name = 'dist/a.yaml') => fs.writeFileSync(name, text);
${body}
`;

/** What a `reporting` or `attempting` program leaves. */
export const left = (data: Readonly<Record<string, unknown>>): readonly unknown[] => [{ kind: 'ConfigMap', data }];

/** A policy's manifest with these fields besides a selector and an action. */
export const policy = (
  spec: Readonly<Record<string, unknown>>,
  metadata: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> => ({
  apiVersion: 'security.kubearmor.com/v1',
  kind: 'KubeArmorPolicy',
  metadata: { name: 'p', namespace: 'shop', ...metadata },
  spec: { selector: { matchLabels: { app: 'web' } }, action: 'Block', ...spec },
});

/** The text of a program that makes one policy and imports nothing of ours: for repositories that want something of Git. */
export const PLAIN_TEXT = writing(
  `write(${JSON.stringify(JSON.stringify(policy({ process: { matchPaths: [{ path: '/usr/bin/apt' }] } })))}, 'dist/a.json');`,
);

export const PLAIN: Tree = { 'main.ts': PLAIN_TEXT };
