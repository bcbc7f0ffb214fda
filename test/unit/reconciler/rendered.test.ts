import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Change, PlannedPolicy } from '../../../reconciler/src/delivery.ts';
import {
  collisions,
  EMPTY_FOLDER,
  folderFault,
  indexOf,
  namesOfInterest,
  renderFolder,
  surveyFolder,
} from '../../../reconciler/src/rendered.ts';
import type { RenderedFolder } from '../../../reconciler/src/rendered.ts';
import { INDEX_FILE, KUSTOMIZATION_FILE, readIndex } from '../../../reconciler/src/rendered-index.ts';
import { hash } from './builders.ts';
import { desired, OWNER, planned, revision } from './deliveries.ts';

/** The folder after the revision was written to it. */
function after(folder: RenderedFolder, commit: string, policies: readonly PlannedPolicy[]): RenderedFolder {
  const rendered = renderFolder(folder, revision(commit, policies), OWNER);
  const files = new Map(folder.files);
  for (const name of rendered?.removed ?? []) files.delete(name);
  for (const { file, content } of rendered?.files ?? []) files.set(file, content);
  return { files, others: folder.others };
}
const names = (folder: RenderedFolder): string[] => [...folder.files.keys()].sort();
const withFile = (folder: RenderedFolder, name: string, content: string): RenderedFolder => ({
  ...folder,
  files: new Map([...folder.files, [name, content]]),
});
const commitIn = (folder: RenderedFolder, name: string): unknown =>
  (parse(folder.files.get(name) ?? '') as { metadata: { annotations: Record<string, unknown> } }).metadata.annotations[
    'parapet.dev/commit'
  ];

const two = after(EMPTY_FOLDER, 'a', [planned('added', 'web'), planned('added', 'api')]);

test('each policy is one file, beside an index and a kustomization that lists them', () => {
  expect(names(two)).toEqual([KUSTOMIZATION_FILE, INDEX_FILE, 'shop.api.yaml', 'shop.web.yaml']);
  expect(parse(two.files.get(KUSTOMIZATION_FILE) ?? '')).toMatchObject({ resources: ['shop.api.yaml', 'shop.web.yaml'] });
  expect(indexOf(two)).toMatchObject({ owner: 'parapet-system/shop', commit: hash('a'), policies: [{ name: 'api' }, { name: 'web' }] });
  expect(two.files.get(INDEX_FILE)).not.toMatch(/\d{4}-\d\d-\d\d|time/i);
});

test('the order in which a program makes its policies changes nothing', () => {
  expect(after(EMPTY_FOLDER, 'a', [planned('added', 'api'), planned('added', 'web')])).toEqual(two);
});

test('a commit that changes no policy changes no byte; one that changes a policy changes its file and no other policy’s', () => {
  const same = after(two, 'b', [planned('unchanged', 'web', { commit: 'b' }), planned('unchanged', 'api', { commit: 'b' })]);
  expect(same).toEqual(two);
  const changed = after(two, 'b', [
    planned('changed', 'web', { commit: 'b', action: 'Audit' }),
    planned('unchanged', 'api', { commit: 'b' }),
  ]);
  expect(changed.files.get('shop.api.yaml')).toBe(two.files.get('shop.api.yaml'));
  expect([commitIn(changed, 'shop.web.yaml'), commitIn(changed, 'shop.api.yaml')]).toEqual([hash('b'), hash('a')]);
  expect(indexOf(changed)?.commit).toBe(hash('b'));
});

test('what is kept, left or not spoken of stays byte for byte; what is refused is not there; what is removed goes', () => {
  const next = after(two, 'b', [planned('kept', 'web'), planned('refused', 'db')]);
  expect(next).toEqual(two);
  expect(after(two, 'b', [planned('left', 'web'), planned('left', 'api')])).toEqual(two);
  const less = after(two, 'b', [planned('removed', 'web'), planned('unchanged', 'api', { commit: 'b' })]);
  expect(names(less)).toEqual([KUSTOMIZATION_FILE, INDEX_FILE, 'shop.api.yaml']);
  expect(indexOf(less)?.policies.map(({ name }) => name)).toEqual(['api']);
});

test('where nothing is and nothing may be written, nothing is made', () => {
  expect(renderFolder(EMPTY_FOLDER, revision('a', [planned('refused', 'web')]), OWNER)).toBeUndefined();
  expect(names(after(two, 'b', [planned('removed', 'web'), planned('removed', 'api')]))).toEqual([KUSTOMIZATION_FILE, INDEX_FILE]);
});

test('files of others are never touched, and a policy whose file they hold is refused by itself', () => {
  const folder = { files: new Map([['shop.web.yaml', 'mine']]), others: new Set(['README.md', 'shop.api.yaml']) };
  const policies = [planned('added', 'web'), planned('added', 'api'), planned('added', 'db')];
  const rendered = renderFolder(folder, revision('a', policies), OWNER);
  expect(rendered?.files.map(({ file }) => file)).toEqual([KUSTOMIZATION_FILE, INDEX_FILE, 'shop.db.yaml']);
  expect(rendered?.removed).toEqual([]);
  expect([...(rendered?.refusals ?? [])]).toMatchObject([
    ['KubeArmorPolicy shop/web', [{ code: 'target-not-ours', place: { file: 'shop.web.yaml' } }]],
    ['KubeArmorPolicy shop/api', [{ code: 'target-not-ours', place: { file: 'shop.api.yaml' } }]],
  ]);
  expect(collisions(folder, policies)).toEqual(rendered?.refusals);
  const wanted = [desired('web'), desired('api'), desired('db')];
  expect(surveyFolder(folder, wanted).map(({ name, owner }) => [name, owner])).toEqual([
    ['web', 'nobody'],
    ['api', 'nobody'],
  ]);
});

test('a file of ours that somebody changed is seen, and written anew', () => {
  const changed = withFile(two, 'shop.web.yaml', 'kind: Nothing\n');
  const fingerprints = new Map(surveyFolder(changed, []).map(({ name, fingerprint }) => [name, fingerprint]));
  expect(fingerprints.get('api')).toBe(desired('api').fingerprint);
  expect(fingerprints.get('web')).not.toBe(desired('web').fingerprint);
  const drifted = surveyFolder(changed, [desired('web'), desired('api')]).filter((policy) => policy.drifted);
  expect(drifted.map(({ name }) => name)).toEqual(['web']);
  expect(surveyFolder(changed, [desired('web', { action: 'Audit' })]).some((policy) => policy.drifted)).toBe(false);
  expect(after(changed, 'a', [planned('changed', 'web'), planned('unchanged', 'api')])).toEqual(two);
  expect(after(changed, 'a', [planned('unchanged', 'web'), planned('unchanged', 'api')])).toEqual(two);
  // a link or a folder in its place
  const replaced = { files: new Map([...two.files].filter(([name]) => name !== 'shop.web.yaml')), others: new Set(['shop.web.yaml']) };
  expect(surveyFolder(replaced, []).find(({ name }) => name === 'web')?.fingerprint).not.toBe(desired('web').fingerprint);
  expect(after(replaced, 'a', [planned('changed', 'web'), planned('unchanged', 'api')]).files).toEqual(two.files);
});

test('a file of ours that is gone is no longer there, and comes back with the next revision', () => {
  const gone = { ...two, files: new Map([...two.files].filter(([name]) => name !== 'shop.web.yaml')) };
  expect(surveyFolder(gone, []).map(({ name }) => name)).toEqual(['api']);
  expect(after(gone, 'a', [planned('added', 'web'), planned('unchanged', 'api')])).toEqual(two);
  expect(names(after(gone, 'b', [planned('kept', 'web'), planned('unchanged', 'api')]))).not.toContain('shop.web.yaml');
});

test('a damaged index, another source’s folder and a kustomization of others stop everything', () => {
  const index = two.files.get(INDEX_FILE) ?? '';
  expect(folderFault(two, OWNER)).toBeUndefined();
  expect(folderFault(EMPTY_FOLDER, OWNER)).toBeUndefined();
  expect(folderFault(withFile(two, INDEX_FILE, index.slice(0, -40)), OWNER)).toMatch(/not what Parapet wrote/);
  expect(folderFault({ files: new Map(), others: new Set([INDEX_FILE]) }, OWNER)).toMatch(/not what Parapet wrote/);
  expect(folderFault(two, { ...OWNER, owner: 'other/shop' })).toBe('it belongs to the source "parapet-system/shop": use another folder');
  for (const name of [KUSTOMIZATION_FILE, 'kustomization.yml', 'Kustomization'])
    expect(folderFault({ files: new Map(), others: new Set([name]) }, OWNER)).toContain(`it has a ${name} that Parapet did not write`);
  expect(folderFault({ ...two, others: new Set(['Kustomization']) }, OWNER)).toContain('Kustomization');
});

test.each([
  ['a file of another name', (text: string) => text.replace('"file":"shop.web.yaml"', '"file":"../../etc/passwd"')],
  ['a file of another policy', (text: string) => text.replace('"file":"shop.web.yaml"', '"file":"shop.api.yaml"')],
  ['a policy twice', (text: string) => text.replaceAll('web', 'api')],
  ['no hash', (text: string) => text.replace(/"sha256":"\w+"/, '"sha256":""')],
  ['other files', (text: string) => text.replace('"kustomization.yaml"', '"README.md"')],
  ['no owner', (text: string) => text.replace('"owner"', '"nobody"')],
  ['a prototype', (text: string) => text.replace('"owner"', '"__proto__": {"owner": "parapet-system/shop"}, "nobody"')],
  ['no JSON', () => '{"kind": '],
])('an index with %s is none', (_what, damage) => {
  const text = two.files.get(INDEX_FILE) ?? '';
  expect(readIndex(text)).toBeDefined();
  expect(damage(text)).not.toBe(text);
  expect(readIndex(damage(text))).toBeUndefined();
});

test('the names whose contents matter are those of the index and of the policies that are wanted', () => {
  expect([...namesOfInterest(indexOf(two), [desired('db')])].sort()).toEqual([...names(two), 'shop.db.yaml'].sort());
});

test('over any history, the index, the kustomization and the files agree, and the same end gives the same bytes of each policy’s meaning', () => {
  const change = fc.constantFrom<Change>('added', 'changed', 'unchanged', 'kept', 'refused', 'removed', 'left');
  const step = fc.array(fc.tuple(change, fc.constantFrom('web', 'api', 'db'), fc.constantFrom('Block', 'Audit')), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
      let folder: RenderedFolder = { files: new Map([['mine.txt', 'mine']]), others: new Set(['folder']) };
      for (const [number, policies] of steps.entries()) {
        const unique = [...new Map(policies.map((policy) => [policy[1], policy])).values()];
        folder = after(
          folder,
          String(number),
          unique.map(([kind, name, action]) => planned(kind, name, { commit: String(number), action })),
        );
        const ours = names(folder).filter((name) => name.startsWith('shop.'));
        expect(indexOf(folder)?.policies.map(({ file }) => file) ?? []).toEqual(ours);
        if (indexOf(folder) !== undefined)
          expect((parse(folder.files.get(KUSTOMIZATION_FILE) ?? '') as { resources: unknown }).resources).toEqual(ours);
        expect(folder.files.get('mine.txt')).toBe('mine');
      }
    }),
    { numRuns: 100 },
  );
});
