/** Where what is built or downloaded for tests stays between runs, outside the tree. */
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `PARAPET_CACHE`, else `parapet` in the user's cache directory. */
export function cacheDirectory(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return process.env['PARAPET_CACHE'] ?? join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'parapet');
}
