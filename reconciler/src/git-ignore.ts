/** Which files of a tree are left out: lines as in `.gitignore`, from the repository itself and from who configured the source. */
import ignore from 'ignore';

/** At the top of the folder that is taken. */
export const IGNORE_FILE = '.parapetignore';

/** Most bytes and lines of each of both texts: every line is tried on every file. */
export const IGNORE_LIMITS = { bytes: 16 * 1024, lines: 500 } as const;

export function tooMuchToIgnore(text: string): boolean {
  return Buffer.byteLength(text) > IGNORE_LIMITS.bytes || text.split('\n').length > IGNORE_LIMITS.lines;
}

/**
 * Whether a path (relative to the top of the folder) is left out. Later texts come after earlier ones, and the last line that
 * matches decides. Hostile lines can make a single question last for ever: ask where that can be ended from outside.
 */
export function ignoring(texts: readonly string[]): (path: string) => boolean {
  const rules = ignore({ ignorecase: false });
  for (const text of texts) rules.add(text);
  // Names that no repository can have are not this one's to judge.
  return (path) => ignore.isPathValid(path) && rules.ignores(path);
}
