/** Action, severity, tags and message: written on a rule, its section or the whole policy. */
import type { Action } from './model.ts';
import { at, isAbsent, readChoice, readString, readStrings, refuse, show } from './reading.ts';
import type { Cursor } from './reading.ts';

export const INHERITED_FIELDS = ['severity', 'tags', 'message', 'action'] as const;

/** What a level says about how its rules answer. */
export interface Manner {
  readonly action: Action;
  readonly severity: number;
  readonly tags: readonly string[];
  readonly message: string;
}

/** What holds when nobody says anything. */
export const DEFAULT_MANNER: Manner = { action: 'Block', severity: 1, tags: [], message: '' };

const ACTIONS = ['Allow', 'Audit', 'Block'] as const;
const LOWER_CASE: Readonly<Record<string, Action>> = { allow: 'Allow', audit: 'Audit', block: 'Block' };

/** What a level says, filled in from the level above. Empty tags and messages count as not written. */
export function readManner(level: Cursor, above: Manner): Manner {
  const tags = readStrings(at(level, 'tags'));
  const message = readString(at(level, 'message')) ?? '';
  return {
    action: readAction(at(level, 'action')) ?? above.action,
    severity: readSeverity(at(level, 'severity')) ?? above.severity,
    tags: tags.length === 0 ? above.tags : tags,
    message: message === '' ? above.message : message,
  };
}

/** An action where one is written. */
export function readAction(cursor: Cursor): Action | undefined {
  if (isAbsent(cursor)) return undefined;
  // KubeArmor takes lower case on the policy itself, and nowhere else.
  const lower = cursor.path.length === 2 && typeof cursor.value === 'string' ? LOWER_CASE[cursor.value] : undefined;
  return lower ?? readChoice(cursor, ACTIONS);
}

function readSeverity(cursor: Cursor): number | undefined {
  if (isAbsent(cursor)) return undefined;
  const { value } = cursor;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 10) return value;
  const code = typeof value === 'number' ? 'invalid-value' : 'wrong-type';
  refuse(cursor, { code, message: `must be a whole number from 1 to 10, not ${show(value)}` });
  return undefined;
}
