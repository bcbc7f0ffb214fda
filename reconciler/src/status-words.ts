/** What the reconciler says about a commit, before it is a status: topics, their contexts, and words bounded for the outbox. */
import { clip, plain, shortCommit } from './describe.ts';
import type { StatusState } from './outcome.ts';
import type { Annotation, CommitStatus } from './ports.ts';

export type Topic = 'synth' | 'diff' | 'sync' | 'enforced' | 'violations';

export const TOPICS: readonly Topic[] = ['synth', 'diff', 'sync', 'enforced', 'violations'];

export interface Said {
  readonly state: StatusState;
  /** Any text; control characters and line ends become spaces. */
  readonly description: string;
  /** Markdown; the first 16,384 characters are kept. */
  readonly summary?: string;
  /** The first 50 are kept, failures before warnings. */
  readonly annotations?: readonly Annotation[];
}

const MAX_SUMMARY = 16_384;
const MAX_ANNOTATIONS = 50;
const MAX_PATH = 1024;
const MAX_MESSAGE = 500;
/** No host shows more of a description. */
const MAX_WORDS = 1000;

/** `parapet/synth`, or `parapet/synth (name)` with a cluster. */
export function contextOf(topic: Topic, cluster: string | undefined): string {
  return cluster === undefined ? `parapet/${topic}` : `parapet/${topic} (${cluster})`;
}

/** How what was pending ends when the reconciler is told to stop. */
export const STOPPED_WORDS = 'the reconciler was stopped';

/** How the status of a commit ends that a newer one overtook. */
export function supersededBy(commit: string): string {
  return `superseded by ${shortCommit(commit)}`;
}

/** The part of a status that is words, made fit to be kept and shown. */
export function worded(said: Said): Pick<CommitStatus, 'state' | 'description' | 'summary' | 'annotations'> {
  const summary = clip((said.summary ?? '').replace(/[^\P{C}\n\t]+/gu, ' '), MAX_SUMMARY);
  const annotations = (said.annotations ?? [])
    // Half a path, or another one, would lead elsewhere.
    .filter(({ path, line }) => path.length <= MAX_PATH && path === plain(path) && Number.isSafeInteger(line) && line > 0)
    .toSorted((a, b) => Number(a.level === 'warning') - Number(b.level === 'warning'))
    .slice(0, MAX_ANNOTATIONS)
    .map(({ path, line, level, message }) => ({ path, line, level, message: clip(plain(message), MAX_MESSAGE) }));
  return {
    state: said.state,
    description: clip(plain(said.description), MAX_WORDS),
    ...(summary === '' ? {} : { summary }),
    ...(annotations.length === 0 ? {} : { annotations }),
  };
}
