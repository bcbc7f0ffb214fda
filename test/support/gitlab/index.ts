/** A stand-in for GitLab's REST API on loopback: each request and answer is held against GitLab's description. */
import { join } from 'node:path';
import { CommentBook, timestamp } from '../hosts/comment-book.ts';
import type { KeptComment, KeptPullRequest } from '../hosts/comment-book.ts';
import { readDescription } from '../hosts/described.ts';
import { page, startStandIn } from '../hosts/stand-in.ts';
import type { Answer, Asked, StandIn } from '../hosts/stand-in.ts';
import { StatusMachine } from './status-machine.ts';
import type { GitlabStatus } from './status-machine.ts';

export interface GitlabOptions {
  /** `group/sub/name` */
  readonly project: string;
  readonly token: string;
}

export interface Gitlab extends StandIn {
  readonly machine: StatusMachine;
  readonly book: CommentBook;
}

export const GITLAB_USER = 7;

const find = readDescription({
  file: join(import.meta.dirname, 'openapi-extract.json'),
  errors: { type: 'object', required: ['message'] },
});
const PAGES = { name: 'per_page', most: 100, usual: 20 };
const MESSAGES: Readonly<Record<number, string>> = {
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Project Not Found',
  409: 'Another update to this commit status is in progress',
  429: 'Retry later',
};
const LONGEST_NOTE = 1_000_000;

export async function startGitlab(options: GitlabOptions): Promise<Gitlab> {
  const machine = new StatusMachine();
  const book = new CommentBook();

  function admit({ request, parameters }: Asked): Answer | undefined {
    if (request.headers['private-token'] !== options.token) return refusal(401);
    return parameters['id'] === undefined || parameters['id'] === options.project ? undefined : refusal(404);
  }

  function note(asked: Asked, change: (text: string) => KeptComment | undefined, status: number): Answer {
    const { body: text } = asked.body as { readonly body: string };
    if (text.length > LONGEST_NOTE) return invalid({ note: ['is too long (maximum is 1000000 characters)'] });
    const kept = change(text);
    return kept === undefined ? refusal(404, '404 Note Not Found') : { status, body: shownNote(kept) };
  }

  const standIn = await startStandIn({
    name: 'GitLab',
    prefix: '/api/v4',
    prefixDescribed: true,
    find,
    admit,
    refusal,
    unfit: 400,
    operations: {
      postApiV4ProjectsIdStatusesSha: ({ parameters, body }) => {
        const { sha = '' } = parameters;
        if (!/^[0-9a-f]{40}$/.test(sha)) return refusal(404, '404 Commit Not Found');
        const made = machine.post(sha, body as { state: string });
        return 'wrong' in made ? invalid(made.wrong) : { status: 201, body: shownStatus(made) };
      },
      getApiV4ProjectsIdRepositoryCommitsShaStatuses: (asked) => {
        const name = asked.query.get('name');
        const all = asked.query.get('all') === 'true';
        const found = machine.statuses.filter((one) => one.sha === asked.parameters['sha'] && (all || !one.retried));
        const { items, headers } = page(name === null ? found : found.filter((one) => one.name === name), asked, PAGES);
        return { status: 200, body: items.map(shownStatus), headers };
      },
      getApiV4ProjectsIdMergeRequests: (asked) => {
        const open = asked.query.get('state') === 'opened';
        const { items, headers } = page(open ? book.opened() : book.pullRequests, asked, PAGES);
        return { status: 200, body: items.map(shownMergeRequest), headers };
      },
      getApiV4ProjectsIdMergeRequestsNoteableIdNotes: (asked) => {
        const number = Number(asked.parameters['noteable_id']);
        if (!book.known(number)) return refusal(404);
        const comments = asked.query.get('activity_filter') === 'only_comments';
        const found = book.of(number).filter(({ system }) => !(comments && system));
        const { items, headers } = page(asked.query.get('sort') === 'asc' ? found : found.toReversed(), asked, PAGES);
        return { status: 200, body: items.map(shownNote), headers };
      },
      postApiV4ProjectsIdMergeRequestsNoteableIdNotes: (asked) => {
        const pullRequest = Number(asked.parameters['noteable_id']);
        const add = (body: string): KeptComment => book.add({ pullRequest, body, author: GITLAB_USER });
        return note(asked, (body) => (book.known(pullRequest) ? add(body) : undefined), 201);
      },
      putApiV4ProjectsIdMergeRequestsNoteableIdNotesNoteId: (asked) =>
        note(
          asked,
          (body) => {
            const kept = book.get(Number(asked.parameters['note_id']));
            return kept === undefined ? undefined : Object.assign(kept, { body, edits: kept.edits + 1 });
          },
          200,
        ),
      getApiV4User: () => ({ status: 200, body: user(GITLAB_USER) }),
    },
  });
  return { ...standIn, machine, book };
}

function user(id: number): object {
  return { id, username: `account-${id}`, name: `Account ${id}`, state: 'active', web_url: `https://gitlab.test/account-${id}` };
}

function shownStatus({ id, sha, name, status, description, target_url }: GitlabStatus): object {
  const times = { created_at: timestamp(), started_at: null, finished_at: null };
  const shown = { id, sha, name, status, description, target_url };
  return { ...shown, ref: 'main', allow_failure: false, coverage: null, pipeline_id: 1, author: user(GITLAB_USER), ...times };
}

function shownNote({ id, body, author, pullRequest, system }: KeptComment): object {
  const about = { noteable_id: pullRequest, noteable_type: 'MergeRequest', noteable_iid: pullRequest, project_id: 1 };
  return { id, type: null, body, author: user(author), system, ...about, created_at: timestamp(), updated_at: timestamp() };
}

function shownMergeRequest({ number, commit, branch, base, open }: KeptPullRequest): object {
  const ends = { source_branch: branch, target_branch: base, source_project_id: 1, target_project_id: 1, sha: commit };
  return { id: 5000 + number, iid: number, project_id: 1, title: `change ${number}`, state: open ? 'opened' : 'closed', ...ends };
}

/** What GitLab's validations say: a text, or texts by field. */
function invalid(message: unknown): Answer {
  return { status: 400, body: { message } };
}

function refusal(status: number, message = MESSAGES[status] ?? 'error'): Answer {
  return { status, body: { message } };
}
