/** What `parapet install` prints, byte by byte. `UPDATE_GOLDEN=1` writes it anew. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { definitionObjects, installObjects, renderDefinitions, renderInstall } from '../../reconciler/src/install/install.ts';
import type { InstallOptions } from '../../reconciler/src/install/part.ts';

const folder = join(import.meta.dirname, 'install');
const ORDINARY: InstallOptions = {
  namespace: 'parapet-system',
  image: 'parapet:1.2.3',
  sourceNamespaces: ['parapet-system'],
  impersonation: false,
  flux: false,
};
const EVERYTHING: InstallOptions = { ...ORDINARY, namespace: 'security', sourceNamespaces: ['shop', 'bank'], impersonation: true, flux: true, packagesClaim: 'packages' };

/** The definitions are a file of their own. */
const withoutDefinitions = (yaml: string): string => yaml.replace(renderDefinitions(), '');

test.each([
  ['definitions.yaml', renderDefinitions()],
  ['reconciler.yaml', withoutDefinitions(renderInstall(ORDINARY))],
  ['reconciler-with-everything.yaml', withoutDefinitions(renderInstall(EVERYTHING))],
])('%s', (file, text) => {
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  expect(text).toBe(readFileSync(join(folder, file), 'utf8'));
});

test('the YAML is the objects', () => {
  const read = (text: string): unknown[] => parseAllDocuments(text).map((document) => document.toJS() as unknown);
  expect(read(renderInstall(EVERYTHING))).toEqual(installObjects(EVERYTHING));
  expect(read(renderDefinitions())).toEqual(definitionObjects());
});
