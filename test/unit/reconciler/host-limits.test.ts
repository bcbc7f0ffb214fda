import { expect, test } from '@jest/globals';
import { clipGraphemes, clipMarkdown, fitted, HOST_LIMITS, isShown } from '../../../reconciler/src/host-limits.ts';

test.each<[string, string, number, string]>([
  ['what fits stays', 'abc', 3, 'abc'],
  ['a cut leaves room for its mark', 'abcd', 3, 'ab…'],
  ['a letter keeps its accent', 'e\u0301e\u0301e\u0301', 4, 'e\u0301…'],
  ['a flag is not halved', '🇩🇪🇫🇷', 7, '🇩🇪…'],
  ['a letter with endless accents is cut off whole', `a${'\u0301'.repeat(500)}`, 10, '…'],
  ['half a surrogate is never left', '𝕏𝕏𝕏', 4, '𝕏…'],
])('%s', (...[, text, length, clipped]) => {
  expect(clipGraphemes(text, length)).toBe(clipped);
  expect(clipped.length).toBeLessThanOrEqual(length);
});

test('Markdown is cut after a line, and what is open is closed', () => {
  const cut = clipMarkdown(`<details>\n<details>\n~~~\n${'line\n'.repeat(200)}`, 600);
  expect(cut).toMatch(/line\n```\n<\/details>\n<\/details>\n\n_This is cut: the host takes 600 characters\._$/);
  expect(cut.length).toBeLessThanOrEqual(600);
  expect(clipMarkdown('x'.repeat(1000), 600).length).toBeLessThanOrEqual(600);
  expect(clipMarkdown('short', 600)).toBe('short');
});

test('a status is fitted to a host, and what the host shows of it is recognised', () => {
  const said = { state: 'pending', description: 'd'.repeat(300), targetUrl: `https://x.test/${'u'.repeat(300)}` };
  expect(fitted(said, HOST_LIMITS.GitLab)).toEqual({ state: 'pending', description: `${'d'.repeat(254)}…` });
  expect(fitted(said, HOST_LIMITS.GitHub)).toMatchObject({ targetUrl: said.targetUrl });
  expect(isShown(fitted(said, HOST_LIMITS.GitHub), said, HOST_LIMITS.GitHub)).toBe(true);
  expect(isShown({ ...said, state: 'success' }, said, HOST_LIMITS.GitHub)).toBe(false);
  expect(isShown({ ...said, description: 'other' }, said, HOST_LIMITS.GitHub)).toBe(false);
  // GitLab can't change a text without the state
  expect(isShown({ ...said, description: 'other' }, said, HOST_LIMITS.GitLab)).toBe(true);
  // a link that the host filled in is no difference; another one than ours is
  const plain = { state: 'success', description: 'x' };
  expect(isShown({ ...plain, targetUrl: 'https://host.test/' }, plain, HOST_LIMITS.Bitbucket)).toBe(true);
  expect(isShown({ ...plain, targetUrl: 'https://host.test/' }, { ...plain, targetUrl: 'https://ours.test/' }, HOST_LIMITS.Bitbucket)).toBe(
    false,
  );
});
