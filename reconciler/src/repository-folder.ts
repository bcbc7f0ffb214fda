/** Folders of a repository, as people write them. */
import { posix } from 'node:path';

/** The folder, relative and without `..`; `.` is the whole repository. Undefined for anything that is outside, or no path. */
export function readFolder(path: string): string | undefined {
  if (path.includes('\0') || path.includes('\\') || posix.isAbsolute(path)) return undefined;
  const normal = posix.normalize(path).replace(/\/$/, '');
  if (normal === '' || normal === '.') return '.';
  return normal.split('/').includes('..') ? undefined : normal;
}
