/** Reads a tree without what is ignored, and not for ever: there are patterns of a few bytes that take longer than anybody lives. */
import { createContext, Script } from 'node:vm';
import type { Problem } from '@parapet/policy';
import { IGNORE_FILE, IGNORE_LIMITS, ignoring, tooMuchToIgnore } from '../../git-ignore.ts';
import { readTree } from '../../git-tree.ts';
import type { TreeLimits, TreeListing } from '../../git-tree.ts';
import { errorCode } from '../standalone/atomic.ts';

/** Milliseconds that everything else waits for at most. */
const PATIENCE_MS = 500;
const CALL = new Script('work()');

/** As `readTree`, without what the texts name: first that of the repository, then that of the source. */
export function readTreeWithout(listing: string, limits: TreeLimits, texts: readonly string[]): TreeListing {
  const rules = texts.filter((text) => text.trim() !== '');
  if (rules.length === 0) return readTree(listing, limits);
  if (rules.some(tooMuchToIgnore)) return refused(`it has more than ${IGNORE_LIMITS.lines} lines or ${IGNORE_LIMITS.bytes / 1024} KiB`);
  try {
    // The only way to end a regular expression that is at work: code in a context of its own, with a deadline.
    const work = (): TreeListing => readTree(listing, limits, ignoring(rules));
    return CALL.runInContext(createContext({ work }), { timeout: PATIENCE_MS }) as TreeListing;
  } catch (error) {
    if (errorCode(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return refused('its patterns take too long');
    throw error;
  }
}

function refused(why: string): TreeListing {
  const problem: Problem = {
    code: 'repository-entry',
    severity: 'error',
    place: { file: IGNORE_FILE },
    message: `what is to be ignored (here, or in spec.ignore) can't be used: ${why}`,
    hint: 'write fewer and simpler patterns',
  };
  return { files: [], links: [], problems: [problem] };
}
