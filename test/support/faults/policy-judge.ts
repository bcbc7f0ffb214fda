/** Whether what became of policies in the cluster is right at every moment, judged by the commits that had been pushed. */
import type { PolicyEvent, Pushed, SourceEvent } from './history.ts';

export interface Happened {
  /** Commits by PolicySource, oldest first. */
  readonly pushed: ReadonlyMap<string, readonly Pushed[]>;
  readonly policies: readonly PolicyEvent[];
  readonly sources: readonly SourceEvent[];
}

/** Everything that is wrong, as sentences. */
export function faultsOfPolicies({ pushed, policies, sources }: Happened): string[] {
  const histories = new Map([...pushed].map(([source, commits]) => [source, new SourceHistory(source, commits)]));
  const all = [...sources.map((event) => ({ event, isPolicy: false })), ...policies.map((event) => ({ event, isPolicy: true }))];
  all.sort((a, b) => a.event.resourceVersion - b.event.resourceVersion);
  return all.flatMap(({ event, isPolicy }) => {
    const { source } = event;
    const history = source === undefined ? undefined : histories.get(source);
    if (!isPolicy) return history?.attempted(event as SourceEvent) ?? [];
    const policy = event as PolicyEvent;
    if (history === undefined) return policy.type === 'DELETED' ? [`${policy.name} is nobody's, and was deleted`] : [];
    return policy.type === 'DELETED' ? history.deleted(policy) : history.stored(policy);
  });
}

class SourceHistory {
  readonly #source: string;
  readonly #commits: readonly Pushed[];
  /** The newest commit that was at work by now. */
  #newest = -1;
  /** By name: the commit that the stored policy names. */
  readonly #stored = new Map<string, number>();

  constructor(source: string, commits: readonly Pushed[]) {
    this.#source = source;
    this.#commits = commits;
  }

  attempted({ attempted }: SourceEvent): string[] {
    const index = this.#indexOf(attempted);
    if (index < 0) return [`${this.#source} attempts ${attempted}, which nobody pushed`];
    const before = this.#newest;
    this.#newest = Math.max(before, index);
    return index < before ? [`${this.#source} goes back from commit ${before} to ${index}`] : [];
  }

  stored({ name, commit = '', version }: PolicyEvent): string[] {
    const index = this.#indexOf(commit);
    const pushed = this.#commits[index];
    if (pushed === undefined) return [`${name} is of ${commit}, which nobody pushed`];
    const before = this.#stored.get(name) ?? -1;
    this.#stored.set(name, index);
    this.#newest = Math.max(this.#newest, index);
    const faults: string[] = [];
    if (index < before) faults.push(`${name} goes back from commit ${before} to ${index}`);
    if (pushed.kind === 'broken' || pushed.kind === 'emptied') faults.push(`${name} is of commit ${index}, which is ${pushed.kind}`);
    if (pushed.policies.get(name) !== version || pushed.spoilt === name)
      faults.push(`${name} is of commit ${index}, and says ${version}, not ${pushed.policies.get(name)}`);
    return faults;
  }

  /** Some commit that may be at work by then has to be without it: the newest that was seen at work, or one that was pushed since. */
  deleted({ name, at }: PolicyEvent): string[] {
    this.#stored.delete(name);
    const candidates = this.#commits.slice(Math.max(0, this.#newest)).filter((pushed) => pushed.at <= at);
    const isMeant = candidates.some(({ kind, policies }) => (kind === 'good' || kind === 'partly') && !policies.has(name));
    if (isMeant) return [];
    const kinds = candidates.map(({ kind, policies }) => `${kind}, ${policies.has(name) ? 'with' : 'without'} it`);
    return [
      `${name} was deleted at commit ${this.#newest} of ${this.#source}, and no commit from there on asks for that: ${kinds.join('; ')}`,
    ];
  }

  #indexOf(commit: string): number {
    return this.#commits.findIndex((pushed) => pushed.commit === commit);
  }
}
