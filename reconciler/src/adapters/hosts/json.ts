/** Reads what a host answered, which may be anything. */
import { isCommitHash } from '../../source-url.ts';

type Key = string | number;

/** What is at this place; `undefined` where there is no such place. */
export function at(value: unknown, ...path: readonly Key[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<Key, unknown>>)[key];
  }
  return found;
}

/** The text at this place, unless it is empty or none. */
export function textAt(value: unknown, ...path: readonly Key[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** The whole number at this place. */
export function numberAt(value: unknown, ...path: readonly Key[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === 'number' && Number.isSafeInteger(found) ? found : undefined;
}

/** The full commit hash at this place. */
export function commitAt(value: unknown, ...path: readonly Key[]): string | undefined {
  const found = textAt(value, ...path);
  return found !== undefined && isCommitHash(found) ? found : undefined;
}

/** The list at this place; an empty one where there is none. */
export function listAt(value: unknown, ...path: readonly Key[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as readonly unknown[]) : [];
}
