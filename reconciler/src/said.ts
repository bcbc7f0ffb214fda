/** What is said about a commit at each of its stages, as `parapet/synth`, `parapet/diff` and `parapet/sync` show it. */
import { posix } from 'node:path';
import { formatProblem } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import { clipBefore, count, describeProblems, plain } from './describe.ts';
import type { PlannedCommit, Synthesis } from './plan-commit.ts';
import type { Annotation } from './ports.ts';
import { countChange, describeRevision } from './revision.ts';
import type { Said } from './status-words.ts';
import { hasErrors } from './synthesize.ts';

/** The program was run, or nothing came of it; and what is wrong with single policies. `path`: the program's folder in the repository. */
export function saidOfSynthesis({ manifests, problems }: Synthesis, path: string): Said {
  const all = [...problems.synth, ...problems.policies];
  const errors = all.filter(({ severity }) => severity === 'error');
  const made = `${count(manifests, 'policy', 'policies')} synthesized`;
  if (errors.length === 0) return { state: 'success', description: made, ...detailsOf(all, path) };
  const others = manifests > 1 ? '; every other policy goes on' : '';
  return { state: 'failure', description: clipBefore(describeProblems(errors), others), ...detailsOf(all, path) };
}

/** What the commit would change, and which policies the cluster would not take. */
export function saidOfPlan({ revision, byStage }: Pick<PlannedCommit, 'revision' | 'byStage'>, path: string): Said {
  const problems = [...byStage.plan, ...byStage.server];
  const changes = describeRevision(revision.policies);
  const failed = hasErrors(problems);
  const description = failed ? `${changes}: ${describeProblems(problems)}` : changes;
  return { state: failed ? 'failure' : 'success', description, ...detailsOf(problems, path) };
}

/** What was done, and all that is wrong with the commit: whoever looks at one status only looks at this one. */
export function saidOfDelivery({ revision, problems }: Pick<PlannedCommit, 'revision' | 'problems'>, path: string): Said {
  const changes = describeRevision(revision.policies);
  if (hasErrors(problems))
    return { state: 'failure', description: `${changes}: ${describeProblems(problems)}`, ...detailsOf(problems, path) };
  const unchanged = countChange(revision.policies, 'unchanged');
  return { state: 'success', description: unchanged === 0 ? changes : `${changes}; ${unchanged} unchanged`, ...detailsOf(problems, path) };
}

const MOST_LISTED = 50;

/** Every problem as Markdown, and at its line. */
function detailsOf(problems: readonly Problem[], path: string): Pick<Said, 'summary' | 'annotations'> {
  if (problems.length === 0) return {};
  const lines = problems.slice(0, MOST_LISTED).map((problem) => `    ${plain(formatProblem(problem))}`);
  const more = problems.length - lines.length;
  const summary = [...lines, ...(more > 0 ? ['', `and ${more} more`] : [])].join('\n');
  const annotations = problems.map((problem) => annotationOf(problem, path)).filter((one) => one !== undefined);
  return { summary, ...(annotations.length === 0 ? {} : { annotations }) };
}

function annotationOf({ place, severity, message, hint }: Problem, path: string): Annotation | undefined {
  if (place.file === undefined || place.line === undefined) return undefined;
  const what = [place.object, place.field].filter((one) => one !== undefined && one !== '').join(' ');
  return {
    path: posix.join(path, place.file),
    line: place.line,
    level: severity === 'error' ? 'failure' : 'warning',
    message: [what === '' ? message : `${what}: ${message}`, hint].filter((one) => one !== undefined).join('; '),
  };
}
