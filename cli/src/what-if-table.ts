/** What-if for a terminal. */
import { refKey, whatIfText } from '@parapet/policy';
import type { WhatIfOutcome, WhatIfRule, WhatIfSummary } from '@parapet/policy';
import { columns } from './columns.ts';
import { jsonText } from './data-text.ts';

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

/** The same for programs. */
export function whatIfJson(summary: WhatIfSummary): string {
  const { first, last, ...rest } = summary;
  const times = { ...(first === undefined ? {} : { first: timeText(first) }), ...(last === undefined ? {} : { last: timeText(last) }) };
  return jsonText({ text: whatIfText(summary), ...times, ...rest });
}

function timeText(time: number): string {
  return new Date(time).toISOString();
}
