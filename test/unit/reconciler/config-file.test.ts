import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readConfigFile } from '../../../reconciler/src/config-file.ts';

const read = (text: string | undefined): ReturnType<typeof readConfigFile> => readConfigFile('r.yaml', text);
const complaints = (text: string): string[] => read(text).problems.map(({ place, message }) => `${place.line} ${place.field}: ${message}`);

test('settings are read by their names, sections included', () => {
  const text = `
source: https://git.test/p.git
interval: 5s
allowEmpty: true
github:
  repository: you/policies
  tokenFile: /run/token
git: { username: bot }
`;
  expect(read(text)).toEqual({
    settings: {
      source: 'https://git.test/p.git',
      interval: '5s',
      allowEmpty: true,
      githubRepository: 'you/policies',
      githubTokenFile: '/run/token',
      gitUsername: 'bot',
    },
    problems: [],
  });
});

test('an empty file says nothing', () => {
  expect(read('')).toEqual({ settings: {}, problems: [] });
  expect(read('# nothing\n')).toEqual({ settings: {}, problems: [] });
});

test('every mistake is told with its line', () => {
  const text = `source: [a, b]
intervall: 5s
allowEmpty: "yes"
github:
  token: s3cret
  repository: 4
`;
  expect(complaints(text)).toEqual([
    '1 source: this must be a text',
    '2 intervall: there is no such setting',
    '3 allowEmpty: this must be true or false',
    '5 github.token: there is no such setting',
    '6 github.repository: this must be a text',
  ]);
  expect(JSON.stringify(read(text))).not.toContain('s3cret');
});

test.each([
  ['a list', '- source\n'],
  ['a text', 'source\n'],
  ['a section that is a text', 'github: you/policies\n'],
  ['a section that is a list', 'git:\n  - username\n'],
  ['two documents', 'source: a\n---\nsource: b\n'],
  ['the same setting twice', 'source: a\nsource: b\n'],
  ['broken YAML', 'source: "a\n'],
  ['a mapping for a key', '? { a: b }\n: c\n'],
  ['an alias', 'source: &a x\ntarget: *a\n'],
])('%s is refused', (_name, text) => {
  expect(read(text).problems.length).toBeGreaterThan(0);
});

test('a file that cannot be read is a problem of its own', () => {
  expect(read(undefined).problems).toMatchObject([{ code: 'file-unreadable', place: { file: 'r.yaml' } }]);
});

test('no text makes the reader throw', () => {
  const yaml = fc.array(
    fc.constantFrom(
      'source',
      'git',
      'github.x',
      ': ',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '&a',
      '*a',
      '? ',
      '!!x ',
      '"',
      '|',
      '\0',
      '#',
      '---\n',
      '<<',
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        yaml.map((parts) => parts.join('')),
      ),
      (text) => {
        const { settings, problems } = read(text);
        expect(typeof settings).toBe('object');
        for (const { place } of problems) expect(place.file).toBe('r.yaml');
      },
    ),
    { numRuns: 1000 },
  );
});
