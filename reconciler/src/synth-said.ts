/** What `parapet/synth` says of a commit whose program was run: how much it makes, or what is wrong with it, at the author's lines. */
import { annotationsOf } from './annotations.ts';
import { count, describeProblems } from './describe.ts';
import type { Synthesis } from './plan-commit.ts';
import type { Said } from './status-words.ts';
import { hasErrors } from './synthesize.ts';

/** `path` is the folder of the program in the repository; `.` is all of it. */
export function synthSaid({ manifests, rules, problems }: Synthesis, path: string): Said {
  const all = [...problems.synth, ...problems.policies];
  const annotations = annotationsOf(all, path);
  if (hasErrors(all)) return { state: 'failure', description: describeProblems(all), annotations };
  const made = `${count(manifests, 'policy', 'policies')}, ${count(rules, 'rule', 'rules')}`;
  const warned = all.length === 0 ? '' : `; ${count(all.length, 'warning', 'warnings')}: ${describeProblems(all)}`;
  return { state: 'success', description: `${made}${warned}`, annotations };
}
