/** Commit statuses as GitLab keeps them: jobs of an external kind in a pipeline, with the transitions that its code allows. */

export interface GitlabStatus {
  readonly id: number;
  readonly sha: string;
  readonly name: string;
  status: string;
  description: string | null;
  target_url: string | null;
  /** Another one with the same name came after it; a list without `all` leaves it out. */
  retried: boolean;
}

interface Sent {
  readonly state: string;
  readonly name?: string;
  readonly context?: string;
  readonly description?: string;
  readonly target_url?: string;
}

/** What a state asks for, and from which states that goes. */
const EVENTS: Readonly<Record<string, { readonly event: string; readonly from: readonly string[] }>> = {
  pending: { event: 'enqueue', from: ['created'] },
  running: { event: 'run', from: ['created', 'pending'] },
  success: { event: 'success', from: ['created', 'pending', 'running'] },
  failed: { event: 'drop', from: ['created', 'pending', 'running'] },
  canceled: { event: 'cancel', from: ['created', 'pending', 'running'] },
};
const TEXTS: readonly string[] = ['name', 'description', 'target_url'];
const LONGEST = 255;

export class StatusMachine {
  readonly statuses: GitlabStatus[] = [];
  /** Takes the same state again without a word, as newer servers do. */
  tolerant = false;

  /** The status, or what is wrong, in GitLab's words. */
  post(sha: string, sent: Sent): GitlabStatus | { readonly wrong: unknown } {
    const name = sent.name ?? sent.context ?? 'default';
    const long = Object.entries({ ...sent, name }).find(([field, text]) => TEXTS.includes(field) && text.length > LONGEST);
    if (long !== undefined) return { wrong: { [long[0]]: [`is too long (maximum is ${LONGEST} characters)`] } };
    const latest = this.statuses.findLast((one) => one.sha === sha && one.name === name);
    const current = latest !== undefined && ['pending', 'running'].includes(latest.status) ? latest : undefined;
    const from = current?.status ?? 'created';
    if (this.tolerant && from === sent.state && current !== undefined) return current;
    const { event, from: allowed } = EVENTS[sent.state] ?? { event: sent.state, from: [] };
    if (!allowed.includes(from)) {
      const reason = `Reason(s): Status cannot transition via "${event}"`;
      return { wrong: `Cannot transition status via :${event} from :${from} (${reason})` };
    }
    const { state, description, target_url } = sent;
    const said = Object.entries({ description, target_url }).filter(([, text]) => text !== undefined);
    return Object.assign(current ?? this.#append(sha, name), { status: state, ...Object.fromEntries(said) });
  }

  #append(sha: string, name: string): GitlabStatus {
    for (const one of this.statuses) if (one.sha === sha && one.name === name) one.retried = true;
    const id = 1 + this.statuses.length;
    const status = { id, sha, name, status: 'created', description: null, target_url: null, retried: false };
    this.statuses.push(status);
    return status;
  }
}
