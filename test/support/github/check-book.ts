/** Check runs, and GitHub's rules for them. */
import { timestamp } from '../hosts/comment-book.ts';
import type { Answer } from '../hosts/stand-in.ts';

export interface RecordedAnnotation {
  readonly path: string;
  readonly start_line: number;
  readonly annotation_level: string;
  readonly message: string;
}

export interface RecordedCheck {
  readonly id: number;
  readonly name: string;
  readonly head_sha: string;
  readonly external_id: string | null;
  readonly details_url: string | null;
  readonly status: string;
  readonly conclusion: string | null;
  readonly output: { readonly title?: string; readonly summary?: string };
  readonly annotations: readonly RecordedAnnotation[];
}

interface Sent {
  readonly name?: string;
  readonly head_sha?: string;
  readonly external_id?: string;
  readonly details_url?: string;
  readonly status?: string;
  readonly conclusion?: string;
  readonly output?: { readonly title?: string; readonly summary?: string; readonly annotations?: readonly RecordedAnnotation[] };
}

export class CheckBook {
  readonly runs: RecordedCheck[] = [];
  #url = '';
  #app = 0;

  create(sent: Sent, url: string, app: number): Answer {
    this.#url = url;
    this.#app = app;
    const empty = { external_id: null, details_url: 'https://app.test/', status: 'queued', conclusion: null, output: {}, annotations: [] };
    const run = changed({ ...empty, id: 100 + this.runs.length, name: sent.name ?? '', head_sha: sent.head_sha ?? '' }, sent);
    this.runs.push(run);
    return { status: 201, body: this.#render(run) };
  }

  update(id: number, sent: Sent): Answer | undefined {
    const index = this.runs.findIndex((run) => run.id === id);
    const known = this.runs[index];
    if (known === undefined) return undefined;
    const run = changed(known, sent);
    this.runs[index] = run;
    return { status: 200, body: this.#render(run) };
  }

  /** The newest of each name, unless all are asked for. */
  list(sha: string, query: URLSearchParams): object[] {
    const name = query.get('check_name');
    const app = query.get('app_id');
    const ours = this.runs.filter((run) => run.head_sha === sha && (name === null || run.name === name));
    const shown =
      query.get('filter') === 'all' ? ours : ours.filter((run) => !ours.some((other) => other.name === run.name && other.id > run.id));
    return app !== null && Number(app) !== this.#app ? [] : shown.map((run) => this.#render(run));
  }

  #render(run: RecordedCheck): object {
    const at = `${this.#url}/check-runs/${run.id}`;
    const { annotations, output, ...rest } = run;
    return {
      ...rest,
      node_id: `run${run.id}`,
      url: at,
      html_url: at,
      started_at: timestamp(),
      completed_at: run.status === 'completed' ? timestamp() : null,
      check_suite: { id: 1 },
      app: null,
      pull_requests: [],
      output: {
        title: output.title ?? null,
        summary: output.summary ?? null,
        text: null,
        annotations_count: annotations.length,
        annotations_url: `${at}/annotations`,
      },
    };
  }
}

/** A conclusion completes a run; annotations are added to those that it has. */
function changed(run: RecordedCheck, { output, ...sent }: Sent): RecordedCheck {
  const { annotations = [], ...shown } = output ?? {};
  const status = sent.conclusion === undefined ? (sent.status ?? run.status) : 'completed';
  return { ...run, ...sent, status, output: { ...run.output, ...shown }, annotations: [...run.annotations, ...annotations] };
}
