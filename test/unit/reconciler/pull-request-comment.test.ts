import { expect, test } from '@jest/globals';
import { WhatIf } from '@parapet/policy';
import fc from 'fast-check';
import type { Change, PlannedPolicy } from '../../../reconciler/src/delivery.ts';
import { diffOf } from '../../../reconciler/src/diff.ts';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import { code, diffBlock, htmlCode } from '../../../reconciler/src/markdown.ts';
import { commentMarker, commentSettings, pullRequestComment, pullRequestOutcome } from '../../../reconciler/src/pull-request-comment.ts';
import type { PullRequestReport } from '../../../reconciler/src/pull-request-comment.ts';
import { record } from '../policy/telemetry-records.ts';
import { hash, manifest, problem } from './builders.ts';

/** What is left of Markdown without code: what hosts look for links, mentions, HTML and commands in. */
function withoutCode(markdown: string): string {
  const lines: string[] = [];
  let fence = '';
  for (const line of markdown.split('\n')) {
    const run = /^`{3,}/.exec(line)?.[0] ?? '';
    if (fence !== '') {
      if (run.length >= fence.length && line === run) fence = '';
    } else if (/^`{3,}diff$/.test(line)) fence = run;
    else lines.push(withoutSpans(line.replace(/<code>[^<]*<\/code>/g, '')));
  }
  expect(fence).toBe('');
  return lines.join('\n');
}

/** A run of backticks opens a span that the next run of just that length closes. */
function withoutSpans(line: string): string {
  let text = '';
  const runs = line.split(/(`+)/);
  for (let index = 0; index < runs.length; index += 1) {
    const run = runs[index] ?? '';
    const end = run.startsWith('`') ? runs.indexOf(run, index + 1) : -1;
    if (end === -1) text += run;
    else index = end;
  }
  return text;
}

const NASTY = [
  '`',
  '``',
  '```',
  '~~~',
  '|',
  '\\|',
  '@octocat',
  '#1',
  '<b>',
  '</details>',
  '&lt;',
  'http://a.test',
  '\n',
  '\n/close\n',
  '[a](b)',
  '\u202e',
  '$x$',
  ':tada:',
  'GH-1',
  hash('a'),
];
const nasty = fc
  .array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 12 })
  .map((parts) => parts.join(''));

test.each([
  ['plain', '`plain`'],
  ['', '–'],
  ['\n\u202e', '–'],
  ['a`b', '``a`b``'],
  ['`a``', '``` `a`` ```'],
  ['a|b\\|c', '`a¦b\\¦c`'],
  ['two\nlines', '`two lines`'],
])('%j is code as %s', (text, shown) => expect(code(text)).toBe(shown));

test('no text gets out of code, wherever that stands', () => {
  fc.assert(
    fc.property(nasty, nasty, (a, b) => {
      expect(withoutCode(`x ${code(a)} y ${code(b)} z`).replaceAll('–', '')).toMatch(/^x {2}y {2}z$/);
      expect(code(a)).not.toMatch(/[|\n]/);
      expect(htmlCode(a)).toMatch(/^<code>([\p{L}\p{N} ./_-]|&#\d+;|…)*<\/code>$/u);
      expect(withoutCode(`x\n${diffBlock(a.split('\n'))}\ny`)).toBe('x\ny');
    }),
    { numRuns: 500 },
  );
});

interface Hostile {
  readonly text: string;
  readonly name: string;
  readonly policies: number;
}

function reportOf({ text, name, policies }: Hostile): PullRequestReport {
  const changes: readonly Change[] = ['added', 'changed', 'removed', 'left', 'kept', 'refused'];
  const compared = Array.from({ length: policies }, (_, index) => {
    const change = changes[index % changes.length] ?? 'added';
    const ref = { kind: 'KubeArmorPolicy', namespace: text, name: `${name}${index}` } as const;
    const wanted = { ...manifest(name, text), metadata: { annotations: { 'parapet.dev/source': text, [text]: name } } };
    const desired = { ...ref, manifest: wanted, fingerprint: '', rules: 1 };
    const policy: PlannedPolicy = { ...ref, change, problems: [problem(text)], desired };
    return { policy, live: { ...manifest(text, name), metadata: { labels: { [name]: text } } } };
  });
  const whatIf = new WhatIf({ before: { policies: [] }, after: { policies: [] } });
  whatIf.add(record({ namespaceName: text, podName: name }));
  const summary = whatIf.summary();
  const rules = [{ outcome: 'would-block', rule: text, source: name, count: 1, workloads: [text], examples: [name] } as const];
  const workloads = [{ workload: text, counts: { ...summary.counts, 'would-block': 1 } }];
  return {
    source: text,
    cluster: name,
    commit: text,
    problems: [problem(text, { place: { file: name, line: 3, object: text, field: name }, hint: text })],
    diff: diffOf(compared),
    whatIf: { summary: { ...summary, rules, workloads, reasons: [{ outcome: 'undecidable', why: text, count: 2 }] } },
  };
}

test('whatever names and messages say, outside of code there are only our own words, and the comment is never longer than it may be', () => {
  const words =
    'Parapet Problems Would be removed left though it is not wanted any more and more On recorded telemetry would have blocked nothing audited accesses access in s h min days workload workloads no longer undecidable Undecidable Commit of source against cluster This comment is kept up to date Left out since a has only so much room the diff a policy times table changes problems what would be removed if by rule why are parapet shows all change policy written at block example for example audit error invalid value added changed removed refused problem What was merged after this branch began listed here too bring branch up to date to see what it removes itself 1 2 x';
  const known = new Set(words.split(' '));
  const hostile = fc.record({ text: nasty, name: nasty, policies: fc.integer({ min: 0, max: 20 }) });
  fc.assert(
    fc.property(hostile, fc.integer({ min: 4096, max: 20_000 }), fc.boolean(), (input, limit, details) => {
      const report = reportOf(input);
      const comment = pullRequestComment(report, { limit, details });
      expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(limit);
      expect(pullRequestComment(report, { limit, details })).toBe(comment);
      const text = withoutCode(comment).replace(/<\/?details>|<\/?summary>/g, '');
      expect(text).not.toMatch(/[@<>&`\\[\]$~]|:\w+:|http|^\//m);
      const strange = (text.match(/\p{L}+/gu) ?? []).filter((word) => !known.has(word));
      expect(strange).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test('the largest parts are left out first, and no more than must be', () => {
  const report = reportOf({ text: 'x', name: 'y', policies: 12 });
  const whole = pullRequestComment(report, { limit: 1_000_000, details: true });
  expect(pullRequestComment(report, { limit: Buffer.byteLength(whole), details: true })).toBe(whole);
  const shorter = pullRequestComment(report, { limit: Buffer.byteLength(whole) - 1, details: true });
  expect(shorter).toContain('Left out, since a comment has only so much room: the table of changes. `parapet diff` shows all.');
  expect(shorter).toContain('<details>');
  expect(shorter).not.toContain('| change |');
});

test('long tables and lists are cut with how much more there is', () => {
  const problems = Array.from({ length: 60 }, (_, index) => problem(`number ${index}`));
  const diff = diffOf(
    Array.from({ length: 80 }, (_, index): { policy: PlannedPolicy } => ({
      policy: { kind: 'KubeArmorHostPolicy', namespace: '', name: `p${index}`, change: 'removed', problems: [] },
    })),
  );
  const comment = pullRequestComment({ source: 's', commit: hash('a'), problems, diff }, commentSettings('GitHub'));
  expect(comment.match(/^… and 10 more$/m)).not.toBeNull();
  expect(comment.match(/^… and 30 more$/gm)).toHaveLength(2);
});

test('each source and cluster has a comment of its own, which its other commits share', () => {
  const all = [{ source: 'a/b' }, { source: 'a/c' }, { source: 'a/b', cluster: 'x' }, { source: 'a/b', cluster: 'y' }].map(commentMarker);
  expect(new Set(all).size).toBe(4);
  expect(commentMarker({ source: 'a/b', cluster: 'x' })).toBe(all[2]);
  expect(all[2]).toMatch(/^diff a\/b \(x\) [0-9a-f]{16}$/);
  const long = { source: `${'n'.repeat(250)}/${'s'.repeat(250)}`, cluster: 'c'.repeat(63) };
  expect(commentMarker(long).length).toBeLessThan(200);
});

test('the status says what would change and be blocked, or what is wrong', () => {
  const diff = diffOf([]);
  const base = { source: 's', commit: hash('a'), problems: [], diff };
  expect(pullRequestOutcome(base)).toMatchObject({ state: 'success', description: '0 added, 0 changed, 0 removed' });
  const whatIf = { summary: new WhatIf({ before: { policies: [] }, after: { policies: [] } }).summary(), window: 86_400_000 };
  expect(pullRequestOutcome({ ...base, whatIf }).description).toBe('0 added, 0 changed, 0 removed; no telemetry in 24 h');
  const problems = [problem('not a path', { place: { file: 'main.ts', line: 3 } })];
  expect(pullRequestOutcome({ ...base, problems })).toMatchObject({ state: 'failure', description: 'main.ts:3: not a path' });
  expect(pullRequestOutcome({ ...base, problems: [problem('odd', { severity: 'warning' })] }).state).toBe('success');
  expect(pullRequestOutcome({ ...base, diff: undefined }).state).toBe('failure');
});

test.each(['GitHub', 'GitLab', 'Gitea', 'Bitbucket'] as const)(
  'a comment for %s leaves room for the line by which it is found again',
  (provider) => {
    const { limit, details } = commentSettings(provider);
    const marker = commentMarker({ source: `${'n'.repeat(250)}/s`, cluster: 'c'.repeat(63) });
    expect(limit + `<!-- parapet:${marker} -->\n\n`.length).toBeLessThanOrEqual(HOST_LIMITS[provider].comment);
    expect(details).toBe(provider !== 'Bitbucket');
  },
);
