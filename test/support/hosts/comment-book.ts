/** Pull requests and the comments on them, as far as hosts are alike. */

export interface KeptComment {
  readonly id: number;
  readonly pullRequest: number;
  body: string;
  /** Number of the account that wrote it. */
  readonly author: number;
  /** Made by the host itself: somebody was assigned, a branch was pushed. */
  readonly system: boolean;
  /** How often it was changed. */
  edits: number;
}

export interface KeptPullRequest {
  readonly number: number;
  readonly commit: string;
  readonly branch: string;
  readonly base: string;
  readonly open: boolean;
  /** `owner/name` that the branch is in, where that is a fork. */
  readonly fork?: string;
}

export class CommentBook {
  readonly pullRequests: KeptPullRequest[] = [];
  readonly #comments: KeptComment[] = [];

  open(pullRequest: Partial<KeptPullRequest> & { readonly number: number }): void {
    const { number } = pullRequest;
    const commit = (number % 16).toString(16).repeat(40);
    this.pullRequests.push({ commit, branch: `topic-${number}`, base: 'main', open: true, ...pullRequest });
  }

  known(pullRequest: number): boolean {
    return this.pullRequests.some(({ number }) => number === pullRequest);
  }

  /** Newest first. */
  opened(): KeptPullRequest[] {
    return this.pullRequests.filter(({ open }) => open).toSorted((a, b) => b.number - a.number);
  }

  add(comment: { readonly pullRequest: number; readonly body: string; readonly author: number; readonly system?: boolean }): KeptComment {
    const kept = { system: false, ...comment, id: 1000 + this.#comments.length, edits: 0 };
    this.#comments.push(kept);
    return kept;
  }

  get(id: number): KeptComment | undefined {
    return this.#comments.find((comment) => comment.id === id);
  }

  remove(id: number): void {
    this.#comments.splice(
      this.#comments.findIndex((comment) => comment.id === id),
      1,
    );
  }

  /** Oldest first. */
  of(pullRequest: number): KeptComment[] {
    return this.#comments.filter((comment) => comment.pullRequest === pullRequest);
  }
}

/** A time as hosts write it. */
export function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
