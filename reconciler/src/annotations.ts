/** What is wrong with a commit, at the author's lines. */
import { posix } from 'node:path';
import type { Problem } from '@parapet/policy';
import type { Annotation } from './ports.ts';

/** Those that have a line. `path` is the folder of the program in the repository; `.` is all of it. */
export function annotationsOf(problems: readonly Problem[], path: string): readonly Annotation[] {
  return problems.map((problem) => annotationOf(problem, path)).filter((one) => one !== undefined);
}

function annotationOf({ place, severity, message, hint }: Problem, path: string): Annotation | undefined {
  const { file, line, object, field } = place;
  if (file === undefined || line === undefined) return undefined;
  const what = [object, field].filter((part) => part !== undefined && part !== '').join(': ');
  const text = `${what === '' ? '' : `${what}: `}${message}${hint === undefined ? '' : ` (${hint})`}`;
  return { path: posix.join(path, file), line, level: severity === 'error' ? 'failure' : 'warning', message: text };
}
