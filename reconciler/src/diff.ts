/** What a revision changes, for people: each policy's manifest as it is and as it will be, and what would be removed or left. */
import { ANNOTATION, refKey } from '@parapet/policy';
import type { PolicyRef } from '@parapet/policy';
import { stringify } from 'yaml';
import type { Change, PlannedPolicy } from './delivery.ts';
import { clip, count, plain } from './describe.ts';
import { unifiedDiff } from './line-diff.ts';
import { OURS } from './marks.ts';

/** A planned policy, and its object as it is now where there is one. */
export interface Compared {
  readonly policy: PlannedPolicy;
  readonly live?: unknown;
}

export interface PolicyDiff extends PolicyRef {
  readonly change: Change;
  /** Where the author wrote it: `shop.ts:12`. */
  readonly source?: string;
  /** Why it is kept, refused or left; that somebody else had changed it. */
  readonly why?: string;
  /** A unified diff; empty where only provenance differs or nothing is done. */
  readonly lines: readonly string[];
}

export interface Diff {
  /** `3 added, 1 changed, 0 removed`. */
  readonly summary: string;
  /** All but the unchanged, by name. */
  readonly policies: readonly PolicyDiff[];
}

export interface DiffLimits {
  /** Most lines of one policy that are shown. */
  readonly lines: number;
  /** Longest manifest that is compared, in characters of JSON. */
  readonly characters: number;
  /** When so many lines are shown, policies that follow are only named: comparing is work too. */
  readonly total: number;
}

export const DIFF_LIMITS: DiffLimits = { lines: 400, characters: 262_144, total: 20_000 };

const SIGNS: Readonly<Record<Change, string>> = {
  added: '+',
  changed: '~',
  removed: '-',
  left: '=',
  kept: '!',
  refused: '!',
  unchanged: ' ',
};

/** Names in one list; the rest is counted. */
const MAX_NAMED = 50;
const MAX_WHY = 300;

/** Compares every policy that is not left as it is. */
export function diffOf(compared: readonly Compared[], limits: DiffLimits = DIFF_LIMITS): Diff {
  const shown = compared
    .filter(({ policy }) => policy.change !== 'unchanged')
    .sort((a, b) => (refKey(a.policy) < refKey(b.policy) ? -1 : 1));
  let room = limits.total;
  const policies = shown.map((one) => {
    const diff = policyDiff(one, { ...limits, total: room });
    room -= diff.lines.length;
    return diff;
  });
  return { summary: summaryOf(compared.map(({ policy }) => policy)), policies };
}

/** `3 added, 1 changed, 0 removed`, and what else there is: `2 left, 1 refused`. */
function summaryOf(policies: readonly PlannedPolicy[]): string {
  const number = (change: Change): number => policies.filter((policy) => policy.change === change).length;
  const others = (['kept', 'refused', 'left'] as const).filter((change) => number(change) > 0);
  return [...(['added', 'changed', 'removed'] as const), ...others].map((change) => `${number(change)} ${change}`).join(', ');
}

function policyDiff({ policy, live }: Compared, limits: DiffLimits): PolicyDiff {
  const { kind, namespace, name, change, desired } = policy;
  const source = sourceOf(desired?.manifest) ?? sourceOf(live);
  const why = whyOf(policy);
  return {
    ...{ kind, namespace, name, change },
    ...(source === undefined ? {} : { source }),
    ...(why === undefined ? {} : { why }),
    lines: linesOf({ change, before: live, after: desired?.manifest }, limits),
  };
}

function whyOf({ change, drifted, problems }: PlannedPolicy): string | undefined {
  if (change === 'changed') return drifted === true ? 'somebody else changed it' : undefined;
  const [first] = problems;
  if (first === undefined || change === 'added' || change === 'removed') return undefined;
  const more = problems.length > 1 ? ` (+${problems.length - 1} more)` : '';
  return `${clip(plain(first.message), MAX_WHY)}${more}`;
}

function linesOf(
  { change, before, after }: { readonly change: Change; readonly before: unknown; readonly after: unknown },
  limits: DiffLimits,
): readonly string[] {
  if (change !== 'added' && change !== 'changed' && change !== 'removed') return [];
  if (limits.total <= 0) return ['not shown, since there is so much'];
  const old = change === 'added' ? [] : yamlLines(before, limits);
  const now = change === 'removed' ? [] : yamlLines(after, limits);
  if (old === undefined || now === undefined) return ['too large to show'];
  const lines = unifiedDiff(old, now);
  if (lines === undefined) return [`too large to show, ${count(Math.max(old.length, now.length), 'line', 'lines')}`];
  const more = lines.length - limits.lines;
  return more > 0 ? [...lines.slice(0, limits.lines), `and ${count(more, 'more line', 'more lines')}`] : lines;
}

/** A manifest's labels, annotations and spec as YAML, the same for the same meaning; `undefined` when it is too long. */
function yamlLines(manifest: unknown, { characters }: DiffLimits): readonly string[] | undefined {
  const text = JSON.stringify(shownOf(manifest));
  if (text === '{}') return [];
  if (text.length > characters) return undefined;
  // What is JSON holds no aliases, dates or other surprises.
  const yaml = stringify(JSON.parse(text), {
    sortMapEntries: true,
    lineWidth: 0,
    blockQuote: false,
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
    aliasDuplicateObjects: false,
  });
  return yaml.trimEnd().split('\n').map(visible);
}

/** Controls and formatting characters by their numbers: they could make a line look like another. */
function visible(line: string): string {
  return line.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

/** What servers, other tools and we ourselves write is not the author's. */
const NOT_SHOWN = new Set<string>([
  ...OURS,
  // The path of the construct, which the SDK writes.
  'parapet.dev/construct',
  'kubectl.kubernetes.io/last-applied-configuration',
]);

function shownOf(manifest: unknown): object {
  const { metadata, spec } = recordOf(manifest);
  const { labels, annotations } = recordOf(metadata);
  const parts = { annotations: authored(annotations), labels: authored(labels), spec: recordOf(spec) };
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => Object.keys(part).length > 0));
}

function authored(map: unknown): object {
  return Object.fromEntries(Object.entries(recordOf(map)).filter(([key]) => !NOT_SHOWN.has(key)));
}

/** The place in the author's program that an object's annotation names. */
function sourceOf(manifest: unknown): string | undefined {
  const annotations = recordOf(recordOf(recordOf(manifest)['metadata'])['annotations']);
  const source = annotations[ANNOTATION.source];
  return typeof source === 'string' && source !== '' ? clip(plain(source), 200) : undefined;
}

/** Own properties only. */
function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** `~ KubeArmorPolicy shop/no-shell (shop.ts:12)`, `! KubeArmorPolicy shop/web (shop.ts:9): kept: …`. */
export function diffHeader({ change, source, why, ...ref }: PolicyDiff): string {
  const where = source === undefined ? '' : ` (${source})`;
  const isDone = change === 'added' || change === 'changed' || change === 'removed';
  const reason = isDone ? (why === undefined ? '' : `: ${why}`) : `: ${change}${why === undefined ? '' : `: ${why}`}`;
  return `${SIGNS[change]} ${plain(refKey(ref))}${where}${reason}`;
}

/** The whole diff as a text that ends with the summary. */
export function diffText(diff: Diff): string {
  const policies = diff.policies.map((policy) => `${[diffHeader(policy), ...policy.lines].join('\n')}\n`);
  return [...policies, pruneText(prunePreview(diff)), `${diff.summary}\n`].filter((part) => part !== '').join('\n');
}

/** What is no longer wanted. */
export interface PrunePreview {
  readonly removed: readonly PolicyDiff[];
  /** Nothing may remove it (now); `why` says what keeps it. */
  readonly left: readonly PolicyDiff[];
}

export function prunePreview({ policies }: Diff): PrunePreview {
  return { removed: policies.filter(({ change }) => change === 'removed'), left: policies.filter(({ change }) => change === 'left') };
}

/** The preview as lines; empty where everything is still wanted. */
export function pruneText({ removed, left }: PrunePreview): string {
  const lines = [
    ...listed(`would remove ${count(removed.length, 'policy', 'policies')}:`, removed),
    ...listed(`would leave ${count(left.length, 'policy', 'policies')} that no commit wants any more:`, left),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function listed(title: string, policies: readonly PolicyDiff[]): readonly string[] {
  if (policies.length === 0) return [];
  const names = policies
    .slice(0, MAX_NAMED)
    .map((policy) => `  ${plain(refKey(policy))}${policy.why === undefined ? '' : `: ${policy.why}`}`);
  const more = policies.length - names.length;
  return [title, ...names, ...(more > 0 ? [`  and ${more} more`] : [])];
}
