/** What a path in a policy must look like for the kernel to meet it. */
import { utf8 } from './utf8.ts';

/** PATH_MAX counts the terminator. So a path has 2,047 components at most, and the kernel half judges as many. */
const MAX_PATH_BYTES = 4095;
const MAX_COMPONENT_BYTES = 255;

export interface PathFault {
  readonly message: string;
  readonly hint?: string;
}

/** What is wrong with the path of a file; undefined when nothing is. */
export function faultOfFile(path: string): PathFault | undefined {
  if (path === '/') return { message: 'is a directory', hint: "use matchDirectories with dir: '/'" };
  if (path.length > 1 && path.endsWith('/')) {
    return { message: 'must not end in /', hint: 'for a directory use matchDirectories, for a file leave the last / out' };
  }
  return faultOfPath(path);
}

/** What is wrong with the path of a directory, which ends in `/`; undefined when nothing is. */
export function faultOfDirectory(dir: string): PathFault | undefined {
  if (dir.startsWith('/') && !dir.endsWith('/')) return { message: 'must end in /', hint: `write ${show(`${dir}/`)}` };
  return faultOfPath(dir);
}

/** What is wrong with the name of a file, without its directory; undefined when nothing is. */
export function faultOfName(name: string): PathFault | undefined {
  if (name.includes('/')) return { message: 'must not contain /', hint: 'use path for a file in one directory' };
  if (name === '' || name === '.' || name === '..') return { message: `${show(name)} is the name of no file` };
  return faultOfPath(`/${name}`);
}

/** What is wrong with the path of whatever is there, as a kernel tells it; undefined when nothing is. */
export function faultOfPlace(path: string): PathFault | undefined {
  return path === '/' ? undefined : faultOfFile(path);
}

function faultOfPath(path: string): PathFault | undefined {
  return faultOfText(path) ?? faultOfForm(path) ?? faultOfSize(path);
}

function faultOfText(path: string): PathFault | undefined {
  if (path === '') return { message: 'must not be empty' };
  if (!path.startsWith('/')) return { message: `must be absolute, and ${show(path)} does not start with /` };
  if (path.includes('\0')) return { message: 'must not contain a NUL character' };
  return /\p{Surrogate}/u.test(path) ? { message: 'is not valid Unicode' } : undefined;
}

function faultOfForm(path: string): PathFault | undefined {
  const components = path.split('/');
  const normal = normalise(path);
  const hint = normal === undefined ? {} : { hint: `write ${show(normal)}` };
  if (path.includes('//')) return { message: 'must not contain //', ...hint };
  if (components.includes('.')) return { message: 'must not contain the component .', ...hint };
  if (components.includes('..')) return { message: 'must not contain the component ..', ...hint };
  return undefined;
}

/** The same path without `//`, `.` and `..`, as text; undefined where it leaves the root. */
function normalise(path: string): string | undefined {
  const kept: string[] = [];
  for (const component of path.split('/')) {
    if (component === '..' && kept.pop() === undefined) return undefined;
    if (component !== '' && component !== '.' && component !== '..') kept.push(component);
  }
  return `/${kept.join('/')}${path.endsWith('/') && kept.length > 0 ? '/' : ''}`;
}

function faultOfSize(path: string): PathFault | undefined {
  const bytes = utf8(path).length;
  if (bytes > MAX_PATH_BYTES) return { message: `has ${bytes} bytes, and a path has at most ${MAX_PATH_BYTES}` };
  const long = path.split('/').find((component) => utf8(component).length > MAX_COMPONENT_BYTES);
  if (long === undefined) return undefined;
  return { message: `has a component of ${utf8(long).length} bytes, and a file name has at most ${MAX_COMPONENT_BYTES}` };
}

/** Whether a path has characters that people write to mean a pattern; in a path they mean themselves. */
export function looksLikePattern(path: string): boolean {
  return /[*?]|\[.*\]|\{.*,.*\}/.test(path);
}

function show(path: string): string {
  return JSON.stringify(path.length > 80 ? `${path.slice(0, 80)}…` : path);
}
