/** Whether a Git host got every status, once, and in an order that makes sense. */
import type { Post } from './history.ts';

/** Contexts that end once: what nodes make of a commit may change. */
const STAGES = /^parapet\/(?:synth|diff|sync)\b/;
const SUPERSEDED = /^superseded by /;

/** Everything that is wrong with what was posted so far, as sentences. */
export function faultsOfPosts(posts: readonly Post[]): string[] {
  const last = new Map<string, Post>();
  return posts.flatMap((post) => {
    const key = `${post.sha} ${post.context}`;
    const before = last.get(key);
    last.set(key, post);
    const why = before === undefined ? undefined : faultOf(before, post);
    return why === undefined || before === undefined ? [] : [`${why}: ${textOf(post)}, after ${textOf(before)}`];
  });
}

/** What still says that there is work: everything must end. */
export function pendingPosts(posts: readonly Post[]): string[] {
  const last = new Map(posts.map((post) => [`${post.sha} ${post.context}`, post]));
  return [...last.values()].filter(({ state }) => state === 'pending').map(textOf);
}

/** `parapet/synth: success`, as each context of a commit was told last. */
export function shownOf(posts: readonly Post[], sha: string): string[] {
  const last = new Map(posts.filter((post) => post.sha === sha).map(({ context, state }) => [context, state]));
  return [...last].map(([context, state]) => `${context}: ${state}`).sort();
}

function faultOf(before: Post, post: Post): string | undefined {
  const isSame = before.state === post.state && before.description === post.description;
  if (isSame) return 'posted twice';
  if (SUPERSEDED.test(before.description)) return 'posted on a commit that had been superseded';
  // Work that is taken up again does not tell anew what was told before, or only what was left of it.
  return STAGES.test(post.context) && before.state !== 'pending' && before.state !== 'error' ? 'out of order' : undefined;
}

function textOf({ sha, context, state, description }: Post): string {
  return `${sha.slice(0, 8)} ${context} ${state} "${description}"`;
}
