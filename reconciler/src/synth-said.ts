/** What `parapet/synth` says of a commit whose program was run: how much it makes, or what is wrong with it, at the author's lines. */
import { posix } from 'node:path';
import type { Problem } from '@parapet/policy';
import { count, describeProblems } from './describe.ts';
import type { Synthesis } from './plan-commit.ts';
import type { Annotation } from './ports.ts';
import type { Said } from './status-words.ts';
import { hasErrors } from './synthesize.ts';

/** `path` is the folder of the program in the repository; `.` is all of it. */
export function synthSaid({ manifests, rules, problems }: Synthesis, path: string): Said {
  const all = [...problems.synth, ...problems.policies];
  const annotations = all.map((problem) => annotationOf(problem, path)).filter((one) => one !== undefined);
  if (hasErrors(all)) return { state: 'failure', description: describeProblems(all), annotations };
  const made = `${count(manifests, 'policy', 'policies')}, ${count(rules, 'rule', 'rules')}`;
  const warned = all.length === 0 ? '' : `; ${count(all.length, 'warning', 'warnings')}: ${describeProblems(all)}`;
  return { state: 'success', description: `${made}${warned}`, annotations };
}

function annotationOf({ place, severity, message, hint }: Problem, path: string): Annotation | undefined {
  const { file, line, object, field } = place;
  if (file === undefined || line === undefined) return undefined;
  const what = [object, field].filter((part) => part !== undefined && part !== '').join(': ');
  const text = `${what === '' ? '' : `${what}: `}${message}${hint === undefined ? '' : ` (${hint})`}`;
  return { path: posix.join(path, file), line, level: severity === 'error' ? 'failure' : 'warning', message: text };
}
