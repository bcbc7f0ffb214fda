/** The one comment on a pull request: what its commit would change in a cluster, what is wrong with it, and what it would have blocked. */
import { createHash } from 'node:crypto';
import { refKey, whatIfText } from '@parapet/policy';
import type { Problem, WhatIfRule, WhatIfSummary } from '@parapet/policy';
import { clip, count, describeProblems, shortCommit } from './describe.ts';
import { diffHeader, prunePreview } from './diff.ts';
import type { Diff, PolicyDiff } from './diff.ts';
import { HOST_LIMITS } from './host-limits.ts';
import { code, diffBlock, htmlCode, table } from './markdown.ts';
import { outcome } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { HostKind } from './source-spec.ts';

export interface PullRequestReport {
  /** The PolicySource, `parapet-system/shop`. */
  readonly source: string;
  readonly cluster?: string;
  /** Full hash. */
  readonly commit: string;
  readonly problems: readonly Problem[];
  /** Absent where the commit could not even be planned. */
  readonly diff?: Diff;
  /** Absent where no telemetry is recorded. */
  readonly whatIf?: {
    readonly summary: WhatIfSummary;
    /** Over which time was recorded, in milliseconds, where that is known. */
    readonly window?: number;
  };
}

export interface CommentSettings {
  /** Most bytes of UTF-8 that the host takes; at least 4,096. */
  readonly limit: number;
  /** Whether the host shows `<details>`; Bitbucket does not. */
  readonly details: boolean;
}

/** Bytes that are left to the line by which a comment is found again. */
const FIRST_LINE = 512;
/** Nobody reads longer ones, whatever a host takes. */
const LONGEST = 65_536;

/** What fits on each host. */
export function commentSettings(provider: HostKind): CommentSettings {
  return { limit: Math.min(HOST_LIMITS[provider].comment, LONGEST) - FIRST_LINE, details: provider !== 'Bitbucket' };
}

/** Rows of one table or list; the rest is counted. */
const MAX_ROWS = 50;

/** A part of the comment that can be left out where the whole is too long. */
interface Part {
  readonly name: string;
  readonly text: string;
}

/**
 * The comment's Markdown: the same for the same report. Where it is longer than the host takes, its largest parts are left out, one by one, and
 * their names stand at the end instead.
 */
export function pullRequestComment(report: PullRequestReport, settings: CommentSettings): string {
  const top = [`### ${headline(report)}`, ...whatIfLine(report)];
  const parts = partsOf(report, settings);
  const left = new Set<Part>();
  const body = (): string =>
    [...top, ...parts.filter((part) => !left.has(part)).map(({ text }) => text), ...leftText([...left]), footer(report)].join('\n\n');
  const bySize = [...parts].sort((a, b) => size(b.text) - size(a.text));
  for (let excess = size(body()) - settings.limit; excess > 0 && bySize.length > 0; excess = size(body()) - settings.limit) {
    // Several at once, since there may be thousands: those that must go in any case.
    for (let gone = 0; gone < excess && bySize.length > 0;) {
      const part = bySize.shift();
      if (part === undefined) break;
      left.add(part);
      gone += size(part.text);
    }
  }
  return `${body()}\n`;
}

function size(text: string): number {
  return Buffer.byteLength(text) + 1;
}

/** What the comments of this source and cluster are told apart by from others on the same pull request: `diff parapet-system/shop (prod) 1f2e3d4c`. */
export function commentMarker({ source, cluster }: Pick<PullRequestReport, 'source' | 'cluster'>): string {
  // Hosts show and compare only part of a name.
  const hash = createHash('sha256')
    .update(JSON.stringify([source, cluster ?? '']))
    .digest('hex');
  return `diff ${clip(source, 80)}${cluster === undefined ? '' : ` (${clip(cluster, 60)})`} ${hash.slice(0, 16)}`;
}

/** The same as a commit status, `parapet/diff`. */
export function pullRequestOutcome({ problems, diff, whatIf }: PullRequestReport): Outcome {
  if (hasErrors(problems) || diff === undefined) return outcome('failure', clip(describeProblems(problems)));
  const replayed = whatIf === undefined ? [] : [whatIfText(whatIf.summary, whatIf.window)];
  return outcome('success', clip([diff.summary, ...replayed].join('; ')));
}

function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

function headline({ problems, diff, whatIf, cluster }: PullRequestReport): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const would = whatIf?.summary.counts['would-block'] ?? 0;
  const sign = errors > 0 || diff === undefined ? '❌' : would > 0 || problems.length > 0 ? '⚠️' : '✅';
  const said = [
    ...(errors > 0 ? [count(errors, 'problem', 'problems')] : []),
    ...(diff === undefined ? ['nothing is planned'] : [diff.summary]),
  ];
  return `${sign} Parapet: ${said.join('; ')}${cluster === undefined ? '' : ` in ${code(cluster)}`}`;
}

function whatIfLine({ whatIf }: PullRequestReport): string[] {
  if (whatIf === undefined) return [];
  const text = whatIfText(whatIf.summary, whatIf.window);
  return [`On recorded telemetry: **${text}**.`];
}

function footer({ source, cluster, commit }: PullRequestReport): string {
  const where = cluster === undefined ? '' : ` against cluster ${code(cluster)}`;
  return `---\nCommit ${code(shortCommit(commit))} of source ${code(source)}${where}. This comment is kept up to date.`;
}

function leftText(left: readonly Part[]): string[] {
  if (left.length === 0) return [];
  const names = new Map<string, number>();
  for (const { name } of left) names.set(name, (names.get(name) ?? 0) + 1);
  const texts = [...names].map(([name, number]) => (number === 1 ? name : `${name} (${number} times)`)).sort();
  return [`Left out, since a comment has only so much room: ${texts.join(', ')}. \`parapet diff\` shows all.`];
}

function partsOf(report: PullRequestReport, settings: CommentSettings): readonly Part[] {
  const { problems, diff, whatIf } = report;
  const policies = diff?.policies ?? [];
  return [
    ...part('the problems', problemList(problems)),
    ...part('the table of changes', changeTable(policies)),
    ...part('what would be removed', diff === undefined ? '' : pruneList(diff)),
    ...policies
      .filter(({ lines }) => lines.length > 0)
      .map((policy) => ({ name: 'the diff of a policy', text: diffPart(policy, settings) })),
    ...(whatIf === undefined ? [] : whatIfParts(whatIf.summary)),
  ];
}

function part(name: string, text: string): Part[] {
  return text === '' ? [] : [{ name, text }];
}

/** Rows or lines, at most fifty, and how many more there are. */
function bounded<Item>(items: readonly Item[], show: (item: Item) => string): readonly string[] {
  const more = items.length - MAX_ROWS;
  return [...items.slice(0, MAX_ROWS).map(show), ...(more > 0 ? [`… and ${more} more`] : [])];
}

function problemList(problems: readonly Problem[]): string {
  if (problems.length === 0) return '';
  const ordered = [...problems.filter(({ severity }) => severity === 'error'), ...problems.filter(({ severity }) => severity !== 'error')];
  return ['#### Problems', '', ...bounded(ordered, (problem) => `* ${problemText(problem)}`)].join('\n');
}

/** `**error** at main.ts:12: KubeArmorPolicy shop/a spec.action: … (hint)`, all but our own words as code. */
function problemText({ severity, place, message, hint, code: which }: Problem): string {
  const { file, line, object, field } = place;
  const at = file === undefined ? '' : ` ${code(line === undefined ? file : `${file}:${line}`)}`;
  const what = [object, field].filter((one) => one !== undefined && one !== '').join(': ');
  const advice = hint === undefined ? '' : ` – ${code(hint)}`;
  return `**${severity}**${at}${what === '' ? '' : ` ${code(what)}`}: ${code(message)}${advice} (${which})`;
}

function changeTable(policies: readonly PolicyDiff[]): string {
  if (policies.length === 0) return '';
  const rows = policies
    .slice(0, MAX_ROWS)
    .map((policy) => [policy.change, code(refKey(policy)), code(policy.source ?? ''), code(policy.why ?? '')]);
  const more = policies.length - rows.length;
  return `${table(['change', 'policy', 'written at', 'why'], rows)}${more > 0 ? `\n\n… and ${more} more` : ''}`;
}

function pruneList(diff: Diff): string {
  const { removed, left } = prunePreview(diff);
  const show = (policy: PolicyDiff): string => `* ${code(refKey(policy))}${policy.why === undefined ? '' : `: ${code(policy.why)}`}`;
  const gone = removed.length === 0 ? [] : ['#### Would be removed', '', ...bounded(removed, show), '', STALE, ''];
  const stays = left.length === 0 ? [] : ['#### Would be left, though it is not wanted any more', '', ...bounded(left, show)];
  return [...gone, ...stays].join('\n').trimEnd();
}

/** The head is compared as it stands, not as it would be merged. */
const STALE = 'What was merged after this branch began is listed here too: bring the branch up to date to see what it removes itself.';

function diffPart(policy: PolicyDiff, { details }: CommentSettings): string {
  const header = diffHeader(policy);
  const block = diffBlock(policy.lines);
  return details ? `<details><summary>${htmlCode(header)}</summary>\n\n${block}\n\n</details>` : `${code(header)}\n\n${block}`;
}

const WORDS = {
  'would-block': 'would block',
  'would-audit': 'would audit',
  'no-longer-blocked': 'no longer blocked',
  'no-longer-audited': 'no longer audited',
} as const;

function whatIfParts({ rules, workloads, reasons }: WhatIfSummary): Part[] {
  const byRule = rules
    .slice(0, MAX_ROWS)
    .map((rule) => [outcomeText(rule), String(rule.count), code(ruleText(rule)), code(rule.examples[0] ?? '')]);
  const byWorkload = workloads.slice(0, MAX_ROWS).map(({ workload, counts }) => {
    const all = [
      counts['would-block'],
      counts['would-audit'],
      counts['no-longer-blocked'],
      counts['no-longer-audited'],
      counts.undecidable,
    ];
    return [code(workload), ...all.map(String)];
  });
  const undecidable = reasons.filter(({ outcome: which }) => which === 'undecidable');
  const head = ['workload', 'would block', 'would audit', 'no longer blocked', 'no longer audited', 'undecidable'];
  return [
    ...(byRule.length === 0 ? [] : part('what-if by rule', table(['', 'times', 'by', 'for example'], byRule))),
    ...(byWorkload.length === 0 ? [] : part('what-if by workload', table(head, byWorkload))),
    ...(undecidable.length === 0
      ? []
      : part(
          'why accesses are undecidable',
          ['Undecidable:', '', ...bounded(undecidable, ({ why, count: number }) => `* ${number}: ${code(why)}`)].join('\n'),
        )),
  ];
}

function outcomeText({ outcome: which }: WhatIfRule): string {
  return which in WORDS ? WORDS[which as keyof typeof WORDS] : which;
}

function ruleText({ policy, rule, source }: WhatIfRule): string {
  const name = [policy === undefined ? undefined : refKey(policy), rule].filter((one) => one !== undefined).join(' ');
  return source === undefined ? name : `${name} (${source})`;
}
