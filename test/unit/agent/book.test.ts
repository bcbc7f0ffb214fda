import { expect, test } from '@jest/globals';
import type { Problem } from '@parapet/policy';
import { EMPTY_BOOK, readBook } from '../../../agent/src/book.ts';
import type { Book } from '../../../agent/src/book.ts';
import { brokenFile, fileOf, manifest } from '../../support/agent-fakes.ts';

const fine = (): readonly Problem[] => [];
const names = (book: Book): string[] => book.policies.map(({ name }) => name);
const invalid = (name: string): object => manifest(name, { spec: { process: { matchPaths: [{ path: 'relative' }] } } });

test('policies come from every document of every file', () => {
  const book = readBook(EMPTY_BOOK, [fileOf('b.yaml', manifest('three')), fileOf('a.yaml', manifest('one'), null, manifest('two'))], fine);
  expect(names(book)).toEqual(['one', 'two', 'three']);
  expect(book.problems).toEqual([]);
});

test('a file that is no YAML any more keeps its policies, and says what is wrong', () => {
  const before = readBook(EMPTY_BOOK, [fileOf('a.yaml', manifest('one')), fileOf('b.yaml', manifest('two'))], fine);
  const book = readBook(before, [brokenFile('a.yaml'), fileOf('b.yaml')], fine);
  expect(names(book)).toEqual(['one']);
  expect(book.problems).toEqual([expect.objectContaining({ code: 'yaml-syntax', place: { file: 'a.yaml', line: 3 } })]);
  expect(book.rejected).toEqual([
    { ref: { kind: 'KubeArmorPolicy', namespace: 'shop', name: 'one' }, problem: book.problems[0], version: {} },
  ]);
});

test('a broken file keeps its policies however often it changes, until it is mended or removed', () => {
  let book = readBook(EMPTY_BOOK, [fileOf('a.yaml', manifest('one'))], fine);
  for (let round = 0; round < 3; round += 1) book = readBook(book, [brokenFile('a.yaml')], fine);
  expect(names(book)).toEqual(['one']);
  expect(names(readBook(book, [fileOf('a.yaml', manifest('two'))], fine))).toEqual(['two']);
  expect(names(readBook(book, [], fine))).toEqual([]);
});

test('a policy that is refused keeps its last good version, and only it', () => {
  const before = readBook(EMPTY_BOOK, [fileOf('a.yaml', manifest('one'), manifest('two'))], fine);
  const book = readBook(before, [fileOf('a.yaml', invalid('one'))], fine);
  expect(names(book)).toEqual(['one']);
  expect(book.policies[0]).toBe(before.policies[0]);
  expect(book.rejected).toEqual([expect.objectContaining({ ref: { kind: 'KubeArmorPolicy', namespace: 'shop', name: 'one' } })]);
});

test('where a refused document has no name, nothing of its file is given up', () => {
  const before = readBook(EMPTY_BOOK, [fileOf('a.yaml', manifest('one'), manifest('two'))], fine);
  const book = readBook(before, [fileOf('a.yaml', manifest('two'), { ...manifest('one'), metadata: {} })], fine);
  expect(names(book).sort()).toEqual(['one', 'two']);
  expect(book.rejected.map(({ ref }) => ref.name)).toEqual(['one']);
});

test('a refused policy without a last good version is only told', () => {
  const book = readBook(EMPTY_BOOK, [fileOf('a.yaml', invalid('one'))], fine);
  expect(names(book)).toEqual([]);
  expect(book.rejected).toHaveLength(1);
});

test('a policy that no kernel table can hold is refused too', () => {
  const before = readBook(EMPTY_BOOK, [fileOf('a.yaml', manifest('one'))], fine);
  const tooLarge: Problem = { code: 'table-too-large', severity: 'error', place: {}, message: 'too large' };
  const book = readBook(before, [fileOf('a.yaml', manifest('one', { spec: { severity: 9 } }))], () => [tooLarge]);
  expect(book.policies).toEqual(before.policies);
  expect(book.rejected[0]?.problem).toMatchObject({
    code: 'table-too-large',
    place: { file: 'a.yaml', line: 1, object: 'KubeArmorPolicy shop/one' },
  });
});

test('of two policies with one name the first stays, and the second is told with the place of the first', () => {
  const book = readBook(
    EMPTY_BOOK,
    [fileOf('b.yaml', manifest('one', { spec: { severity: 2 } })), fileOf('a.yaml', manifest('one', { spec: { severity: 1 } }))],
    fine,
  );
  expect(book.policies.map(({ rules }) => rules[0]?.severity)).toEqual([1]);
  expect(book.problems).toEqual([
    expect.objectContaining({ code: 'duplicate-policy', place: expect.objectContaining({ file: 'b.yaml' }) as object }),
  ]);
  expect(book.problems[0]?.message).toContain('a.yaml:1');
});

test('a policy that moved to another file replaces the one that its broken old file keeps', () => {
  const before = readBook(EMPTY_BOOK, [fileOf('a.yaml', manifest('one'))], fine);
  const book = readBook(before, [brokenFile('a.yaml'), fileOf('b.yaml', manifest('one', { spec: { severity: 9 } }))], fine);
  expect(book.policies.map(({ rules }) => rules[0]?.severity)).toEqual([9]);
  expect(book.rejected).toEqual([]);
});

test('other kinds are told as left alone, and kinds of Parapet are not even told', () => {
  const book = readBook(
    EMPTY_BOOK,
    [
      fileOf(
        'a.yaml',
        { apiVersion: 'v1', kind: 'ConfigMap' },
        { apiVersion: 'parapet.dev/v1alpha1', kind: 'NodeReport' },
        'text',
        [1],
        manifest('one'),
      ),
    ],
    fine,
  );
  expect(names(book)).toEqual(['one']);
  expect(book.problems.map(({ code, severity }) => [code, severity])).toEqual([
    ['not-a-policy', 'warning'],
    ['not-a-policy', 'warning'],
    ['not-a-policy', 'warning'],
  ]);
});

test('a file that is the very same object is not parsed again', () => {
  let judged = 0;
  const count = (): readonly Problem[] => {
    judged += 1;
    return [];
  };
  const file = fileOf('a.yaml', manifest('one'));
  const before = readBook(EMPTY_BOOK, [file], count);
  const book = readBook(before, [file, fileOf('b.yaml', manifest('two'))], count);
  expect(judged).toBe(2);
  expect(book.policies[0]).toBe(before.policies[0]);
});

test('a namespace says its postures; the first of a name counts, and a broken file keeps what it said', () => {
  const namespace = (posture: string): object => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', annotations: { 'kubearmor-file-posture': posture } },
  });
  const book = readBook(EMPTY_BOOK, [fileOf('a.yaml', manifest('one'), namespace('block')), fileOf('b.yaml', namespace('audit'))], fine);
  expect(book.problems).toEqual([]);
  expect([...book.namespaces]).toEqual([['shop', { file: 'block' }]]);
  const broken = readBook(book, [brokenFile('a.yaml')], fine);
  expect([...broken.namespaces]).toEqual([['shop', { file: 'block' }]]);
  const wrong = readBook(broken, [fileOf('a.yaml', namespace('deny'))], fine);
  expect([...wrong.namespaces]).toEqual([['shop', {}]]);
  expect(wrong.problems.map(({ code, severity }) => [code, severity])).toEqual([['invalid-value', 'warning']]);
  expect([...readBook(wrong, [], fine).namespaces]).toEqual([]);
});

test('each policy is of a version, and one that is refused is told of as the version that was refused', () => {
  const [before, after] = ['a', 'b'].map((digit) => ({ 'parapet.dev/commit': digit.repeat(40) }));
  const file = (manifested: object, generation: number): ReturnType<typeof fileOf> => {
    const { documents, ...rest } = fileOf('a.yaml', manifested);
    return { ...rest, documents: documents.map((document) => ({ ...document, generation })) };
  };
  const good = readBook(EMPTY_BOOK, [file(manifest('one', { metadata: { annotations: before } }), 4)], fine);
  expect([...good.versions.values()]).toEqual([{ commit: 'a'.repeat(40), generation: 4 }]);
  const spec = { process: { matchPaths: [{ path: 'relative' }] } };
  const book = readBook(good, [file(manifest('one', { metadata: { annotations: after }, spec }), 5)], fine);
  expect([...book.versions.values()]).toEqual([{ commit: 'a'.repeat(40), generation: 4 }]);
  expect(book.rejected.map(({ version }) => version)).toEqual([{ commit: 'b'.repeat(40), generation: 5 }]);
});

test('a commit that is none is no part of a version', () => {
  const book = readBook(
    EMPTY_BOOK,
    [fileOf('a.yaml', manifest('one', { metadata: { annotations: { 'parapet.dev/commit': 'soon' } } }))],
    fine,
  );
  expect([...book.versions.values()]).toEqual([{}]);
});
