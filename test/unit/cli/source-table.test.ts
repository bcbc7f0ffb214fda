import { expect, test } from '@jest/globals';
import { ageText, policiesText, revisionText } from '../../../cli/src/source-table.ts';

test.each([
  [-5000, '0s'],
  [119_000, '119s'],
  [120_000, '2m'],
  [7_199_000, '119m'],
  [7_200_000, '2h'],
  [172_799_000, '47h'],
  [172_800_000, '2d'],
])('%d milliseconds are %s', (milliseconds, text) => expect(ageText(milliseconds)).toBe(text));

test('a revision is as short as it may be to find the commit by', () => {
  expect(revisionText(`main@sha1:${'a'.repeat(40)}`)).toBe('main@sha1:aaaaaaaaaaaa');
  expect(revisionText(`v1@sha256:${'a'.repeat(64)}`)).toBe('v1@sha256:aaaaaaaaaaaa');
  expect(revisionText(undefined)).toBe('-');
  expect(revisionText('odd')).toBe('odd');
});

test('policies are counted, and only what is wrong with some is told besides', () => {
  expect(policiesText(undefined)).toBe('-');
  expect(policiesText({ total: 4, enforced: 4, degraded: 0, refused: 0 })).toBe('4/4');
  expect(policiesText({ total: 4, enforced: 1, degraded: 2, refused: 1, pending: 1 })).toBe('1/4, 2 degraded, 1 refused');
});
