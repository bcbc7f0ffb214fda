/** One commit as input of `git fast-import`: files by their full content, on top of a parent's tree, with nothing of a work tree. */
import { posix } from 'node:path';
import { plain, shortCommit } from './describe.ts';
import type { StoredFile } from './manifest.ts';

export interface Author {
  readonly name: string;
  readonly email: string;
}

export interface CommitInput {
  readonly ref: string;
  /** Full hash; without one, the commit is the first of its branch. */
  readonly parent: string | undefined;
  readonly author: Author;
  /** Seconds since the epoch, in UTC. */
  readonly time: number;
  readonly message: string;
  /** Folder that the names of the files are in; `.` is the top. */
  readonly path: string;
  readonly changed: readonly StoredFile[];
  /** Names. */
  readonly removed: readonly string[];
}

/** Equal for equal input, and so is the commit that Git makes of it. */
export function fastImport(commit: CommitInput): string {
  const { ref, parent, path, changed, removed } = commit;
  const name = ({ name, email }: Author): string => `${bare(name)} <${bare(email)}>`;
  const when = `${name(commit.author)} ${Math.max(0, Math.floor(commit.time))} +0000`;
  return [
    `commit ${ref}\nauthor ${when}\ncommitter ${when}\n`,
    data(commit.message),
    parent === undefined ? '' : `from ${parent}\n`,
    ...removed.map((file) => `D ${quoted(posix.join(path, file))}\n`),
    ...changed.map(({ file, content }) => `M 100644 inline ${quoted(posix.join(path, file))}\n${data(content)}`),
    'done\n',
  ].join('');
}

/** What the commit says: trailers are for programs. */
export function commitMessage({ repository, commit }: { readonly repository: string; readonly commit: string }): string {
  const trailers = [`Parapet-Source-Repository: ${plain(repository)}`, `Parapet-Source-Commit: ${commit}`];
  return `Policies of ${shortCommit(commit)}\n\n${trailers.join('\n')}\n`;
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`;
}

/** As Git reads a path in quotes: what could end it, or its line, in octal. */
function quoted(path: string): string {
  const octal = (character: string): string => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
  return `"${path.replace(/["\\\n\r\t]/g, octal)}"`;
}

/** Without what would end a name in a commit. */
function bare(text: string): string {
  return plain(text.replace(/[<>]/g, ' '));
}
