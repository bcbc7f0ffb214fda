/** Sentences for commit statuses and logs, made from what may be hostile text. */
import { formatProblem } from '@parapet/policy';
import type { Problem } from '@parapet/policy';

/** GitHub answers 422 for a longer description. */
export const MAX_DESCRIPTION = 140;

/** One line that a terminal prints as it stands: no control, format or unassigned characters, no runs of spaces. */
export function plain(text: string): string {
  return text.replace(/[\p{C}\s]+/gu, ' ').trim();
}

/** At most `length` UTF-16 units, ending in `…` where something was cut, never in half a character. */
export function clip(text: string, length: number = MAX_DESCRIPTION): string {
  if (text.length <= length) return text;
  const cut = text.slice(0, length - 1);
  const last = cut.charCodeAt(cut.length - 1);
  return `${last >= 0xd800 && last <= 0xdbff ? cut.slice(0, -1) : cut}…`;
}

/** The part of `text` that still fits when `suffix` must follow it whole. */
export function clipBefore(text: string, suffix: string): string {
  return `${clip(text, MAX_DESCRIPTION - suffix.length)}${suffix}`;
}

/** `1 policy`, `3 policies`. */
export function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** As Git abbreviates it. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}

/** The first error (or, without one, the first warning) and how many more errors there are, to fit a status. */
export function describeProblems(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error');
  const first = errors[0] ?? problems[0];
  if (first === undefined) return 'no problem';
  // Code and hint are for the terminal: here the place and the sentence need the room.
  const sentence = plain(formatProblem({ ...first, hint: undefined }).replace(/ \[[a-z-]+\]$/, ''));
  return errors.length > 1 ? clipBefore(sentence, ` (+${errors.length - 1} more)`) : clip(sentence);
}
