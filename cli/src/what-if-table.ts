/** What-if for a terminal. Names come from files of telemetry, so nothing is printed that could steer it. */
import { refKey, whatIfText } from '@parapet/policy';
import type { WhatIfOutcome, WhatIfRule, WhatIfSummary } from '@parapet/policy';
import { harmless } from './exit.ts';

const WORDS: Readonly<Record<WhatIfOutcome, string>> = {
  'would-block': 'would block',
  'would-audit': 'would audit',
  'no-longer-blocked': 'no longer blocked',
  'no-longer-audited': 'no longer audited',
  undecidable: 'undecidable',
  unchanged: 'unchanged',
  other: 'no access',
};

/** Workloads that are named in one row. */
const MAX_NAMED = 5;

/** A row for each rule and for each reason, and at the end the one line that says it all. */
export function whatIfTable(summary: WhatIfSummary): string {
  const rules = summary.rules.map((rule) => [WORDS[rule.outcome], String(rule.count), ruleText(rule), whereText(rule)]);
  const reasons = summary.reasons.map(({ outcome, why, count }) => [WORDS[outcome], String(count), why, '']);
  const rows = [...rules, ...reasons];
  const table = rows.length === 0 ? '' : `${columns([['', 'TIMES', 'BY', 'WHERE'], ...rows])}\n`;
  return `${table}${whatIfText(summary)}\n`;
}

/** `KubeArmorPolicy shop/web spec.process.matchPaths[0] (main.ts:12)`. */
function ruleText({ policy, rule, source }: WhatIfRule): string {
  const text = [policy === undefined ? undefined : refKey(policy), rule].filter((part) => part !== undefined).join(' ');
  return source === undefined ? text : `${text} (${source})`;
}

/** `shop/web: /bin/sh by /bin/bash`. */
function whereText({ workloads, examples }: WhatIfRule): string {
  const more = workloads.length > MAX_NAMED ? ` and ${workloads.length - MAX_NAMED} more` : '';
  return `${workloads.slice(0, MAX_NAMED).join(', ')}${more}: ${examples.join(', ')}`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(harmless));
  const widths = (rows[0] ?? []).map((_cell, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** The same for programs. */
export function whatIfJson(summary: WhatIfSummary): string {
  const { first, last, ...rest } = summary;
  const times = { ...(first === undefined ? {} : { first: timeText(first) }), ...(last === undefined ? {} : { last: timeText(last) }) };
  const text = JSON.stringify({ text: whatIfText(summary), ...times, ...rest }, null, 2);
  // JSON leaves these as they are, and a terminal may not.
  return `${text.replace(/[\u007f-\u009f\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}

function timeText(time: number): string {
  return new Date(time).toISOString();
}
