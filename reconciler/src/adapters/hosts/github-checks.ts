/**
 * Statuses as GitHub check runs, which only an App may make: with a summary, and annotations at the author's lines. A completed run is
 * never opened again: a new one takes its place. `error` is `cancelled`: it did not come to an end, and that is nobody's failure; a
 * branch protection takes it for a failure all the same.
 */
import { createHash } from 'node:crypto';
import { clipGraphemes } from '../../host-limits.ts';
import type { StatusState } from '../../outcome.ts';
import type { Annotation, CommitStatus, FindResult, PostResult } from '../../ports.ts';
import { listAt, numberAt, textAt } from './json.ts';
import { found, judge, unknownOf } from './judge.ts';
import type { About, StatusKey } from './judge.ts';
import type { Api, Reply } from './rest.ts';

/** GitHub takes so many in a request, and adds those of later requests to them. */
const BATCH = 50;
/** More are for nobody; they would be a request for each batch. */
const MOST_ANNOTATIONS = 500;
const LONGEST_SUMMARY = 65_535;
const LONGEST_MESSAGE = 8_000;

const CONCLUSIONS = { success: 'success', failure: 'failure', error: 'cancelled' } as const;
/** What runs of others can end with, too. */
const STATES: Readonly<Record<string, StatusState>> = {
  success: 'success',
  neutral: 'success',
  skipped: 'success',
  failure: 'failure',
  timed_out: 'failure',
  action_required: 'failure',
  cancelled: 'error',
  stale: 'error',
};

interface Run {
  readonly id: number;
  readonly completed: boolean;
  readonly conclusion: string | undefined;
  /** What it says, as we marked it. */
  readonly mark: string | undefined;
  readonly annotations: number;
  readonly title: string;
  readonly link: string | undefined;
}

type RunKey = StatusKey & { readonly app: number };

export class GitHubChecks {
  readonly #api: Api;
  readonly #about: About & { readonly base: string };

  constructor(api: Api, about: About & { readonly base: string }) {
    this.#api = api;
    this.#about = about;
  }

  async post({ status, app }: { readonly status: CommitStatus; readonly app: number }, signal: AbortSignal): Promise<PostResult> {
    const latest = await this.#latest({ commit: status.commit, context: status.context, app }, signal);
    if ('failed' in latest) return judge(latest.failed, this.#about);
    const { run } = latest;
    const mark = markOf(status);
    const notes = (status.annotations ?? []).filter(isNote).slice(0, MOST_ANNOTATIONS);
    const begun = run?.mark === mark;
    // An earlier attempt got this far, or to its end.
    const sent = begun ? run.annotations : 0;
    if (begun && run.completed === (status.state !== 'pending') && sent >= notes.length) return { kind: 'posted' };
    // What a run has been annotated with stays: another status needs a run of its own then.
    const id = run !== undefined && !run.completed && (begun || run.annotations === 0) ? run.id : undefined;
    return this.#write({ status, mark, notes: notes.slice(sent), id }, signal);
  }

  /** The run ends with the last batch only, so that one that broke off can be gone on with. */
  async #write(
    { status, mark, notes, id: known }: { status: CommitStatus; mark: string; notes: readonly Annotation[]; id: number | undefined },
    signal: AbortSignal,
  ): Promise<PostResult> {
    const { base } = this.#about;
    let id = known;
    for (let start = 0; start === 0 || start < notes.length; start += BATCH) {
      const last = start + BATCH >= notes.length;
      const body = { ...bodyOf(status, last), external_id: mark, output: outputOf(status, notes.slice(start, start + BATCH)) };
      const reply: Reply =
        id === undefined
          ? await this.#api.ask({ method: 'POST', path: `${base}/check-runs`, body: { ...body, head_sha: status.commit } }, signal)
          : await this.#api.ask({ method: 'PATCH', path: `${base}/check-runs/${id}`, body }, signal);
      const done = reply.kind === 'answer' && (reply.status === 201 || reply.status === 200);
      id ??= done ? numberAt(reply.body, 'id') : undefined;
      if (!done || id === undefined) return judge(reply, this.#about);
    }
    return { kind: 'posted' };
  }

  async find(about: RunKey, signal: AbortSignal): Promise<FindResult> {
    const latest = await this.#latest(about, signal);
    if ('failed' in latest) return unknownOf(latest.failed, this.#about);
    const { run } = latest;
    if (run === undefined) return { kind: 'none' };
    const state = run.completed ? (STATES[run.conclusion ?? ''] ?? 'error') : 'pending';
    return found(about, { state, description: run.title, targetUrl: run.link });
  }

  async #latest({ commit, context, app }: RunKey, signal: AbortSignal): Promise<{ run: Run | undefined } | { failed: Reply }> {
    const query = `check_name=${encodeURIComponent(context)}&app_id=${app}&filter=latest&per_page=100`;
    const reply = await this.#api.ask({ method: 'GET', path: `${this.#about.base}/commits/${commit}/check-runs?${query}` }, signal);
    if (reply.kind !== 'answer' || reply.status !== 200) return { failed: reply };
    const runs = listAt(reply.body, 'check_runs').map(readRun);
    return { run: runs.filter((run) => run !== undefined).toSorted((a, b) => b.id - a.id)[0] };
  }
}

function bodyOf(status: CommitStatus, last: boolean): object {
  const { context, state, targetUrl } = status;
  const progress = last && state !== 'pending' ? { status: 'completed', conclusion: CONCLUSIONS[state] } : { status: 'in_progress' };
  return { name: context, ...progress, ...(targetUrl === undefined ? {} : { details_url: targetUrl }) };
}

function outputOf({ description, summary }: CommitStatus, notes: readonly Annotation[]): object {
  const annotations = notes.map(({ path, line, level, message }) => ({
    path,
    start_line: line,
    end_line: line,
    annotation_level: level,
    message: clipGraphemes(message, LONGEST_MESSAGE),
  }));
  return { title: description, summary: clipGraphemes(summary ?? description, LONGEST_SUMMARY), annotations };
}

function isNote({ path, line, message }: Annotation): boolean {
  return path !== '' && message !== '' && Number.isSafeInteger(line) && line > 0;
}

/** The same for a status that says the same. */
function markOf({ state, description, targetUrl, summary, annotations = [] }: CommitStatus): string {
  const notes = annotations.map(({ path, line, level, message }) => [path, line, level, message]);
  return createHash('sha256')
    .update(JSON.stringify([state, description, targetUrl ?? null, summary ?? null, notes]))
    .digest('hex');
}

function readRun(value: unknown): Run | undefined {
  const [id, status] = [numberAt(value, 'id'), textAt(value, 'status')];
  if (id === undefined || status === undefined) return undefined;
  return {
    id,
    completed: status === 'completed',
    conclusion: textAt(value, 'conclusion'),
    mark: textAt(value, 'external_id'),
    annotations: numberAt(value, 'output', 'annotations_count') ?? 0,
    title: textAt(value, 'output', 'title') ?? '',
    link: textAt(value, 'details_url'),
  };
}
