/** The comment on a pull request, byte for byte: what people read. `UPDATE_GOLDEN=1` writes it anew, to be reviewed like code. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { WhatIf } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import type { Change, PlannedPolicy } from '../../reconciler/src/delivery.ts';
import { diffOf } from '../../reconciler/src/diff.ts';
import type { Compared } from '../../reconciler/src/diff.ts';
import { commentSettings, pullRequestComment } from '../../reconciler/src/pull-request-comment.ts';
import type { PullRequestReport } from '../../reconciler/src/pull-request-comment.ts';
import { manifest, policyOf } from '../support/agent-fakes.ts';

const of = { source: 'parapet-system/shop', cluster: 'prod', commit: '0123456789abcdef0123456789abcdef01234567' };
const DAY = 86_400_000;

function compared(name: string, change: Change, rest: { wanted?: string; live?: string; problem?: string; at?: string } = {}): Compared {
  const made = (action: string | undefined): object | undefined =>
    action === undefined
      ? undefined
      : manifest(name, { spec: { action }, metadata: { annotations: { 'parapet.dev/source': rest.at ?? 'shop.ts:12' } } });
  const ref = { kind: 'KubeArmorPolicy', namespace: 'shop', name } as const;
  const wanted = made(rest.wanted) as Record<string, unknown> | undefined;
  const problems: Problem[] =
    rest.problem === undefined ? [] : [{ code: 'invalid-path', severity: 'error', place: { file: 'shop.ts', line: 30 }, message: rest.problem }];
  const policy: PlannedPolicy = {
    ...ref,
    change,
    problems,
    ...(wanted === undefined ? {} : { desired: { ...ref, manifest: wanted, fingerprint: '', rules: 1 } }),
  };
  return { policy, live: made(rest.live) };
}

function replay(...changes: readonly object[]): PullRequestReport['whatIf'] {
  const whatIf = new WhatIf({ before: { policies: [] }, after: { policies: [policyOf(manifest('no-shell'))] } });
  const alert = JSON.parse(readFileSync(path.join(import.meta.dirname, 'alerts/denial.json'), 'utf8')) as object;
  for (const change of changes) whatIf.add({ ...alert, ...change });
  return { summary: whatIf.summary(), window: DAY };
}

const hostile = '`x` <img src=x onerror=y> @octocat #1 [a](https://a.test) | \\| \n\n/close\n# gh-1 http://a.test ``` ~~~ </details> &lt; $x$ :tada:';

const REPORTS: Readonly<Record<string, { readonly report: PullRequestReport; readonly details?: false; readonly limit?: number }>> = {
  'no-change': { report: { ...of, problems: [], diff: diffOf([compared('web', 'unchanged')]), whatIf: replay({ namespaceName: 'other' }) } },
  changes: {
    report: {
      ...of,
      problems: [],
      diff: diffOf([
        compared('no-shell', 'changed', { wanted: 'Block', live: 'Audit' }),
        compared('new', 'added', { wanted: 'Block', at: 'shop.ts:40' }),
        compared('gone', 'removed', { live: 'Block', at: 'shop.ts:7' }),
        compared('stays', 'left', { live: 'Block', problem: 'one commit may remove at most 50 % of the policies' }),
      ]),
      whatIf: replay({ count: 2 }, {}, { labels: '', podName: 'db-0' }),
    },
  },
  problems: {
    report: {
      ...of,
      cluster: undefined,
      problems: [
        { code: 'preset-allow', severity: 'warning', place: { file: 'shop.ts', line: 3 }, message: 'does nothing' },
        {
          code: 'invalid-path',
          severity: 'error',
          place: { file: 'shop.ts', line: 30, object: 'KubeArmorPolicy shop/bad', field: 'spec.process.matchPaths[0].path' },
          message: "must be absolute, and \"bin/sh\" does not start with /",
          hint: 'write "/bin/sh"',
        },
      ],
      diff: diffOf([compared('bad', 'refused', { problem: 'must be absolute' }), compared('old', 'kept', { live: 'Block', problem: 'no rules' })]),
    },
  },
  'not-planned': {
    report: { ...of, problems: [{ code: 'program-threw', severity: 'error', place: { file: 'main.ts', line: 4 }, message: 'Error: no' }] },
  },
  'without-details': {
    details: false,
    report: { ...of, problems: [], diff: diffOf([compared('new', 'added', { wanted: 'Block' })]) },
  },
  hostile: {
    report: {
      source: hostile,
      cluster: hostile,
      commit: hostile,
      problems: [{ code: 'program-threw', severity: 'error', place: { file: hostile, object: hostile, field: hostile }, message: hostile, hint: hostile }],
      diff: diffOf([compared(hostile, 'changed', { wanted: hostile, live: 'x', at: hostile }), compared(`${hostile}2`, 'left', { problem: hostile })]),
      whatIf: replay({ podName: hostile }, { podName: hostile, labels: '' }),
    },
  },
  'too-long': {
    limit: 4096,
    report: {
      ...of,
      problems: [],
      diff: diffOf(
        Array.from({ length: 40 }, (_, index) => compared(`policy-${index}`, 'added', { wanted: index === 7 ? 'Block'.repeat(600) : 'Block' })),
      ),
    },
  },
};

test.each(Object.entries(REPORTS))('the comment %s is as it was reviewed', (name, { report, details = true, limit = commentSettings('GitHub').limit }) => {
  const file = path.join(import.meta.dirname, 'pull-request', `${name}.md`);
  const text = pullRequestComment(report, { limit, details });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limit);
  if (process.env['UPDATE_GOLDEN'] !== undefined) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, 'utf8'));
});
