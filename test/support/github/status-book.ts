/** The statuses that were posted, and GitHub's rules for them that its description does not tell. */

/** A status as it was posted. */
export interface RecordedStatus {
  readonly sha: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly target_url: string | null;
  /** Milliseconds since 1970. */
  readonly time: number;
}

interface Posting {
  readonly sha: string;
  readonly body: Readonly<Record<string, string | null | undefined>>;
  /** The address of the commit's statuses. */
  readonly at: string;
}

/** GitHub refuses longer descriptions, and more statuses than these for one commit and context. */
const LONGEST_DESCRIPTION = 140;
const MOST_PER_CONTEXT = 1000;

export class StatusBook {
  readonly #posted: { readonly status: RecordedStatus; readonly answer: object }[] = [];

  posted(sha?: string): RecordedStatus[] {
    return this.#posted.map(({ status }) => status).filter((status) => sha === undefined || status.sha === sha);
  }

  add({ sha, body, at }: Posting): { status: number; body: object } {
    const { context = 'default', description = null, target_url = null } = body;
    const refused = refusalOf(
      { sha, description },
      this.posted(sha).filter((status) => status.context.toLowerCase() === (context ?? 'default').toLowerCase()).length,
    );
    if (refused !== undefined)
      return { status: 422, body: { message: refused, documentation_url: 'https://docs.github.com/rest/commits/statuses' } };
    const time = Date.now();
    const status = { sha, context: context ?? 'default', state: body['state'] ?? '', description: description ?? '', target_url, time };
    const id = this.#posted.length + 1;
    const when = new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
    const answer = {
      url: at,
      avatar_url: null,
      id,
      node_id: Buffer.from(`status:${id}`).toString('base64'),
      state: status.state,
      description,
      target_url,
      context: status.context,
      created_at: when,
      updated_at: when,
      creator: null,
    };
    this.#posted.push({ status, answer });
    return { status: 201, body: answer };
  }

  /** Newest first. */
  list(sha: string): object[] {
    return this.#posted
      .filter(({ status }) => status.sha === sha)
      .map(({ answer }) => answer)
      .toReversed();
  }

  /** The newest of each context, which is the same in capitals. */
  newest(sha: string): object[] {
    const shown = new Map<string, object>();
    for (const { status, answer } of this.#posted) if (status.sha === sha) shown.set(status.context.toLowerCase(), answer);
    return [...shown.values()];
  }

  combined(sha: string, statuses: readonly object[], url: string): object {
    const states = statuses.map((one) => (one as { readonly state: string }).state);
    const failed = states.some((state) => state === 'failure' || state === 'error');
    const state = failed ? 'failure' : states.length === 0 || states.includes('pending') ? 'pending' : 'success';
    const at = `${url}/commits/${sha}`;
    const shown = statuses.map((one) => ({ ...one, creator: undefined }));
    return { state, statuses: shown, sha, total_count: this.newest(sha).length, repository: {}, commit_url: at, url: `${at}/status` };
  }
}

function refusalOf({ sha, description }: { sha: string; description: string | null }, already: number): string | undefined {
  if (!/^[0-9a-f]{40}$/.test(sha)) return `No commit found for SHA: ${sha}`;
  if ([...(description ?? '')].length > LONGEST_DESCRIPTION)
    return 'Validation Failed: description is too long (maximum is 140 characters)';
  if (already >= MOST_PER_CONTEXT) return 'Validation Failed: This SHA and context has reached the maximum number of statuses.';
  return undefined;
}
