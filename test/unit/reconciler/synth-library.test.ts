/** Programs that are bundled with the shipped packages as one file: the same as those that are bundled with all of their files. */
import { describe, expect, test } from '@jest/globals';
import { createSynthesizer } from '../../../reconciler/src/adapters/synth/index.ts';
import type { SynthResult } from '../../../reconciler/src/ports.ts';
import { brief, library, repository } from './synth-fixture.ts';
import type { Content } from './synth-fixture.ts';

const ways = { single: createSynthesizer({ library }), forMany: createSynthesizer({ library, forMany: true }) };

/** What a program gives, which both ways must agree on. */
async function both(files: string | Readonly<Record<string, Content>>): Promise<Pick<SynthResult, 'manifests' | 'problems' | 'digest'>> {
  const directory = repository(typeof files === 'string' ? { 'main.ts': files } : files);
  const comparable = ({ manifests, problems, digest }: SynthResult) => ({
    manifests: manifests.map(({ value, file, source }) => ({ value, file, source })),
    problems,
    digest,
  });
  const single = comparable(await ways.single.synth({ directory }));
  expect(comparable(await ways.forMany.synth({ directory }))).toEqual(single);
  return single;
}

const SYNTH = `const app = new App();
const chart = new Chart(app, 'shop', { namespace: 'shop' });
new ContainerPolicy(chart, 'web', { select: { app: 'web' } }).blockExec('/bin/sh');
app.synth();
`;

describe('a program gives the same', () => {
  test.each([
    ['by names', `import { App, Chart } from 'cdk8s';\nimport { ContainerPolicy } from '@parapet/sdk';\n`],
    [
      'by namespaces',
      `import * as k from 'cdk8s';\nimport * as p from '@parapet/sdk';\nconst { App, Chart } = k;\nconst { ContainerPolicy } = p;\n`,
    ],
    ['by require', `const { App, Chart } = require('cdk8s');\nconst { ContainerPolicy } = require('@parapet/sdk');\n`],
  ])('when it imports %s', async (_way, imports) => {
    const { manifests, problems } = await both(imports + SYNTH);
    expect([problems, manifests.map(({ source }) => source)]).toEqual([[], [expect.stringMatching(/^main\.ts:\d$/)]]);
  });

  test('when it imports what is within a package, which is there once then', async () => {
    const { problems, manifests } = await both(
      `import { App } from 'cdk8s/lib/app';\nimport { Chart, App as Same } from 'cdk8s';\nimport { ContainerPolicy } from '@parapet/sdk';\nif (App !== Same) throw new Error('twice');\n${SYNTH}`,
    );
    expect([problems.map(brief), manifests.length]).toEqual([[], 1]);
  });

  test('when it brings a shipped package itself, which the others use as well', async () => {
    const { problems, manifests } = await both({
      'main.ts': `import { mark } from 'constructs';\nimport { App } from 'cdk8s';\nimport fs from 'fs';\nfs.writeFileSync('a.json', JSON.stringify({ mark, seen: App.seen }));`,
      'node_modules/constructs/package.json': '{ "main": "index.js" }',
      'node_modules/constructs/index.js': `exports.mark = 'own';\nexports.Construct = class {};\nexports.Dependable = {};`,
      'node_modules/cdk8s/package.json': '{ "main": "index.js" }',
      'node_modules/cdk8s/index.js': `exports.App = class { static seen = require('constructs').mark };`,
    });
    expect([problems.map(brief), manifests.map(({ value }) => value)]).toEqual([[], [{ mark: 'own', seen: 'own' }]]);
  });
});

test('an export that a shipped package does not have is told at its line, either way', async () => {
  const { problems } = await both(
    `import { App } from 'cdk8s';\nimport { ContainerPolitics } from '@parapet/sdk';\nnew ContainerPolitics(new App());`,
  );
  expect(problems.map(({ message, place }) => [message, place.line])).toEqual([
    [expect.stringMatching(/^No matching export in ".*" for import "ContainerPolitics"$/), 2],
  ]);
});

test('what a program throws within a shipped package is told at the author’s line, either way', async () => {
  const { problems } = await both(
    `import { App, Chart } from 'cdk8s';\nconst app = new App();\nnew Chart(app, 'a');\nnew Chart(app, 'a');\n`,
  );
  expect(problems.map(brief)).toEqual([expect.stringMatching(/^main\.ts:4:\d+ program-threw$/)]);
});
