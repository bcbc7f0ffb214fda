/** What failed, said once more at the end of a run: with many tests it is far up, and a log may be shortened in its middle. */
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** What is read of each file's part in the report that `jest --json` writes. */
export interface FileReport {
  /** The file's path. */
  readonly name: string;
  /** All that jest says of a file with failures; the only text about a file that could not be run. */
  readonly message: string;
  readonly status: string;
  readonly assertionResults: readonly { readonly fullName: string; readonly status: string; readonly failureMessages: readonly string[] }[];
}

/** Characters of one message, from its beginning and from its end: what a scenario printed last comes last. */
const BEGINNING = 500;
const END = 1500;

/** A line of a stack that is not in a file of ours. */
const FOREIGN = /^\s+at (?!.*\.ts:\d).*\n/gm;

function shortened(message: string): string {
  const text = `${stripVTControlCharacters(message)}\n`.replace(FOREIGN, '').trim();
  return text.length <= BEGINNING + END ? text : `${text.slice(0, BEGINNING)}\n[…]\n${text.slice(-END)}`;
}

/** The tests of each message: one failure of a hook fails every test of its file, and is told once. */
function byMessage({ message, assertionResults }: FileReport): ReadonlyMap<string, readonly string[]> {
  const failed = assertionResults.filter(({ status }) => status === 'failed');
  const titles = new Map<string, string[]>();
  for (const { fullName, failureMessages } of failed) {
    const text = failureMessages.join('\n');
    titles.set(text, [...(titles.get(text) ?? []), fullName]);
  }
  return failed.length > 0 ? titles : new Map([[message, ['(the file could not be run)']]]);
}

/** A paragraph for each message of each file with failures; paths are relative to `root`. */
export function failuresOf(files: readonly FileReport[], root: string): readonly string[] {
  return files
    .filter(({ status }) => status === 'failed')
    .flatMap((file) =>
      [...byMessage(file)].map(([message, [first = '', ...others]]) => {
        const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
        return `FAILED ${relative(root, file.name)}: ${first}${more}\n${shortened(message).replace(/^/gm, '    ')}`;
      }),
    );
}
