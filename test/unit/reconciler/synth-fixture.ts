/** Policy repositories for the synthesizer's tests: written, run and thrown away. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, jest } from '@jest/globals';
import type { Problem } from '@parapet/policy';
import { createSynthesizer } from '../../../reconciler/src/adapters/synth/index.ts';
import type { SynthLimits } from '../../../reconciler/src/adapters/synth/index.ts';
import type { SynthResult } from '../../../reconciler/src/ports.ts';

const root = resolve(import.meta.dirname, '../../..');
const { resolve: find } = createRequire(import.meta.url);

export const library = {
  modules: {
    cdk8s: dirname(find('cdk8s/package.json')),
    constructs: dirname(find('constructs/package.json')),
    '@parapet/sdk': join(root, 'sdk'),
    '@parapet/policy': join(root, 'policy'),
  },
};

// Each program takes two processes, and tests run beside one another.
jest.setTimeout(60_000);

const made: string[] = [];
afterAll(() => made.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A file's text, or where a symbolic link leads. */
export type Content = string | { readonly link: string };

/** A fresh folder with `files`; removed after the tests. Real path. */
export function repository(files: Readonly<Record<string, Content>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'parapet-synth-')));
  made.push(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    if (typeof content === 'string') writeFileSync(join(folder, name), content);
    else symlinkSync(content.link, join(folder, name));
  }
  return folder;
}

/** Runs the program in a folder, or in a fresh one with these files. */
export function synth(files: string | Readonly<Record<string, Content>>, limits: Partial<SynthLimits> = {}): Promise<SynthResult> {
  const directory = typeof files === 'string' ? files : repository(files);
  return createSynthesizer({ library, limits }).synth({ directory });
}

/** Runs `main.ts` alone. */
export const run = (main: string, limits: Partial<SynthLimits> = {}): Promise<SynthResult> => synth({ 'main.ts': main }, limits);

/** A program that puts what `body` leaves in `out` into a ConfigMap named `out`. */
export const reporting = (body: string, imports = ''): string => `
import { App, Chart, ApiObject } from 'cdk8s';
${imports}
const out: Record<string, unknown> = {};
${body}
const app = new App();
new ApiObject(new Chart(app, 'chart'), 'out', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'out' }, data: out });
app.synth();
`;

/** What a `reporting` program left in `out`. Fails with the problems when it did not get that far. */
export async function reported(body: string, imports = ''): Promise<Record<string, unknown>> {
  const result = await run(reporting(body, imports));
  if (result.problems.length > 0) throw new Error(JSON.stringify(result.problems));
  return (result.manifests[0]?.value as { data: Record<string, unknown> }).data;
}

/** `main.ts:2:7 program-threw`: enough of a problem for most tests. */
export const brief = ({ code, place }: Problem): string =>
  `${[place.file, place.line, place.column].filter((part) => part !== undefined).join(':')} ${code}`;
