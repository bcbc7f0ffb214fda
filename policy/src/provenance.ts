/** Where a policy was written, as annotations: how they are called and how they are read. */
import type { Provenance } from './model.ts';
import { at, isAbsent, readObject, warn } from './reading.ts';
import type { Cursor } from './reading.ts';

/** Names of the annotations that the reconciler writes on every object it synthesizes. */
export const ANNOTATION = {
  /** URL of the Git repository, without credentials. */
  repository: 'parapet.dev/repository',
  /** Full hash of the commit. */
  commit: 'parapet.dev/commit',
  /** Where the policy was created: `main.ts:12`. */
  source: 'parapet.dev/source',
  /** JSON object from a rule's field (`spec.process.matchPaths[0]`) to where it was written (`main.ts:14`). */
  ruleSources: 'parapet.dev/rule-sources',
} as const;

/** A password in any URL, or a bare user in a web URL, which is how access tokens are written. */
const HAS_CREDENTIALS = /^https?:\/\/[^/]*@|^[\w+.-]+:\/\/[^/@]*:[^/@]*@/i;

/** Reads the provenance from `metadata.annotations`. What is malformed is left out with a warning: it explains a policy, it does not change it. */
export function readProvenance(metadata: Cursor): Provenance {
  const annotations = at(metadata, 'annotations');
  if (annotations.value === null || readObject(annotations) === undefined) return { rules: {} };
  const repository = readAnnotation(at(annotations, ANNOTATION.repository), {
    ok: (text) => isLine(text) && !HAS_CREDENTIALS.test(text),
    wanted: 'a repository URL without credentials',
  });
  const commit = readAnnotation(at(annotations, ANNOTATION.commit), {
    ok: isCommit,
    wanted: 'a commit hash',
  });
  const source = readAnnotation(at(annotations, ANNOTATION.source), { ok: isSourcePlace, wanted: 'a place like main.ts:12' });
  return {
    ...(repository === undefined ? {} : { repository }),
    ...(commit === undefined ? {} : { commit }),
    ...(source === undefined ? {} : { source }),
    rules: readRuleSources(at(annotations, ANNOTATION.ruleSources)),
  };
}

function readAnnotation(cursor: Cursor, { ok, wanted }: { ok: (text: string) => boolean; wanted: string }): string | undefined {
  if (isAbsent(cursor)) return undefined;
  if (typeof cursor.value === 'string' && ok(cursor.value)) return cursor.value;
  warnMalformed(cursor, wanted);
  return undefined;
}

function readRuleSources(cursor: Cursor): Readonly<Record<string, string>> {
  if (isAbsent(cursor)) return {};
  const value = typeof cursor.value === 'string' ? parseJson(cursor.value) : undefined;
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined;
  const good = entries?.filter((entry): entry is [string, string] => typeof entry[1] === 'string' && isSourcePlace(entry[1])) ?? [];
  if (good.length !== entries?.length) warnMalformed(cursor, 'a JSON object from fields to places like main.ts:12');
  return Object.fromEntries(good);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function warnMalformed(cursor: Cursor, wanted: string): void {
  warn(cursor, {
    code: 'provenance-malformed',
    message: `is not ${wanted}, so alerts will not say where the policy was written`,
    hint: 'leave parapet.dev/ annotations to the reconciler',
  });
}

/** Whether a text in the annotation is taken for a commit. */
export function isCommit(text: string): boolean {
  return /^[0-9a-f]{7,64}$/i.test(text);
}

function isLine(text: string): boolean {
  return text.length > 0 && text.length <= 2048 && !/\p{Cc}/u.test(text);
}

function isSourcePlace(text: string): boolean {
  return isLine(text) && /:\d{1,9}$/.test(text);
}
