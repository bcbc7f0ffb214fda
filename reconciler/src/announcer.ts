/** Says on a commit how far it is: each stage begins as pending and always ends, and nothing is said twice. */
import type { PlannedCommit, Synthesis } from './plan-commit.ts';
import type { Revision } from './delivery.ts';
import { deliverySaid, planSaid } from './said.ts';
import type { StageError } from './stage-error.ts';
import type { Statuses } from './statuses.ts';
import { supersededBy } from './status-words.ts';
import type { Said, Topic } from './status-words.ts';
import { synthSaid } from './synth-said.ts';

/** The stages of a commit that is carried out, in their order. A pull request's commit has no `sync`. */
const STAGES: readonly Topic[] = ['synth', 'diff', 'sync'];

export class Announcer {
  readonly #statuses: Statuses;
  readonly #path: string;
  readonly #others: () => readonly string[];

  /** `path`: the program's folder in the repository, so that annotations are at the author's lines. `others`: commits of which others speak. */
  constructor(statuses: Statuses, path: string, others: () => readonly string[] = () => []) {
    this.#statuses = statuses;
    this.#path = path;
    this.#others = others;
  }

  /** A run of the commit begins. Looked at again, it keeps what was said of it until there is something else to say. */
  begin(commit: string): void {
    this.#statuses.supersede(commit, STAGES, this.#others());
    this.#pend(commit, 'synth', 'synthesizing policies');
  }

  synthesized(commit: string, synthesis: Synthesis): void {
    this.#say(commit, 'synth', synthSaid(synthesis, this.#path));
    if (synthesis.digest !== undefined) this.#pend(commit, 'diff', 'comparing with the cluster');
  }

  planned(commit: string, planned: Pick<PlannedCommit, 'revision' | 'byStage'>): void {
    const said = planSaid(planned, this.#path);
    if (!this.#isBegun(commit, said)) this.#sayOfChanges(commit, 'diff', { said, revision: planned.revision });
    this.#pend(commit, 'sync', 'applying');
  }

  delivered(commit: string, done: Pick<PlannedCommit, 'revision' | 'problems'>): void {
    this.#sayOfChanges(commit, 'sync', { said: deliverySaid(done, this.#path), revision: done.revision });
    this.#statuses.supersede(commit, ['enforced', 'violations'], this.#others());
  }

  /** The world failed. Whatever is pending ends; it is pending again when it is tried again. */
  failed(commit: string, error: StageError): void {
    const topic = STAGES.find((stage) => this.#statuses.latest(commit, stage)?.state === 'pending');
    // A commit that is carried out and only looked at again is as it was.
    if (topic !== undefined) this.#say(commit, topic, { state: 'error', description: `${error.stage} failed: ${error.message}` });
  }

  /** A newer commit has taken its place. What merely stops is taken up again, here or by another process. */
  superseded(commit: string, by: string): void {
    for (const topic of STAGES)
      if (this.#statuses.latest(commit, topic)?.state === 'pending')
        this.#say(commit, topic, { state: 'error', description: supersededBy(by) });
  }

  /** What a commit did stays said: looked at again it would read "no changes". */
  #sayOfChanges(commit: string, topic: Topic, { said, revision }: { readonly said: Said; readonly revision: Revision }): void {
    const isQuiet = revision.policies.every(({ change }) => change !== 'added' && change !== 'changed' && change !== 'removed');
    if (isQuiet && this.#statuses.latest(commit, topic)?.state === said.state) return;
    this.#say(commit, topic, said);
  }

  /** Whether some of it may be carried out already: what is left is not what the commit changes, which was told before. */
  #isBegun(commit: string, { state }: Said): boolean {
    const sync = this.#statuses.latest(commit, 'sync')?.state;
    return (sync === 'pending' || sync === 'error') && this.#statuses.latest(commit, 'diff')?.state === state;
  }

  #pend(commit: string, topic: Topic, description: string): void {
    const state = this.#statuses.latest(commit, topic)?.state;
    if (state === undefined || state === 'error') this.#say(commit, topic, { state: 'pending', description });
  }

  #say(commit: string, topic: Topic, said: Said): void {
    this.#statuses.set(commit, topic, said);
  }
}
