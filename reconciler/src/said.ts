/** What `parapet/diff` and `parapet/sync` say of a commit that is carried out. */
import { formatProblem } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import { annotationsOf } from './annotations.ts';
import { describeProblems, plain } from './describe.ts';
import type { PlannedCommit } from './plan-commit.ts';
import { countChange, describeRevision } from './revision.ts';
import type { Said } from './status-words.ts';
import { hasErrors } from './synthesize.ts';

/** What the commit would change, and which policies the cluster would not take. `path`: the program's folder in the repository. */
export function planSaid({ revision, byStage }: Pick<PlannedCommit, 'revision' | 'byStage'>, path: string): Said {
  const problems = [...byStage.plan, ...byStage.server];
  const changes = describeRevision(revision.policies);
  const failed = hasErrors(problems);
  const description = failed ? `${changes}: ${describeProblems(problems)}` : changes;
  return { state: failed ? 'failure' : 'success', description, ...detailsOf(problems, path) };
}

/** What was done, and all that is wrong with the commit: who looks at one status only looks at this one. */
export function deliverySaid({ revision, problems }: Pick<PlannedCommit, 'revision' | 'problems'>, path: string): Said {
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
  return { summary: [...lines, ...(more > 0 ? ['', `and ${more} more`] : [])].join('\n'), annotations: annotationsOf(problems, path) };
}
