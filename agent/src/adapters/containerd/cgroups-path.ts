/** Where a container's cgroup can be, by `linux.cgroupsPath` of its OCI specification and the rules that runc has for it. */
import { posix } from 'node:path';
import type { ContainerRecord } from './api.ts';
import { field, specOf } from './spec.ts';

/** What names a container's cgroup. */
export interface Named {
  readonly id: string;
  readonly cgroupsPath?: string | undefined;
}

interface Form {
  /** Begins with a slash, also where it is relative. */
  readonly path: string;
  readonly relative: boolean;
}

const SLICE = '.slice';

/** What the specification says; undefined where it says nothing. */
export function cgroupsPathOf(record: ContainerRecord): string | undefined {
  const path = field(field(specOf(record), 'linux'), 'cgroupsPath');
  return typeof path === 'string' ? path : undefined;
}

/**
 * Every place where the container's cgroup can be, the likeliest first. `shim` is the cgroup of what started the container: where that is in
 * a container itself (kind), the runtime takes some cgroup above it for the root.
 */
export function placesOf(named: Named, shim = '/'): readonly string[] {
  const bases = above(shim.startsWith('/..') ? '/' : shim);
  const beside = bases.at(-2) ?? '';
  const places = formsOf(named).flatMap(({ path, relative }) => (relative ? [beside, ...bases] : bases).map((base) => base + path));
  return [...new Set(places)];
}

/** What the last component of the cgroup's path can be. */
export function namesOf(named: Named): readonly string[] {
  return formsOf(named).map(({ path }) => posix.basename(path));
}

/** Does the last component say the container's id? Then no other container has it. */
export function isNamed(place: string, id: string): boolean {
  const name = posix.basename(place);
  return name === id || name.endsWith(`-${id}.scope`) || name.endsWith(`:${id}`);
}

/** Is a cgroup another one, or below it? */
export function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

/** A cgroup's path and those of all above it, the root (which is empty) first. */
export function above(path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '');
  return ['', ...names.map((_, at) => `/${names.slice(0, at + 1).join('/')}`)];
}

/** Which driver runc has does not show, so a path with colons can be systemd's or one as it stands. */
function formsOf({ id, cgroupsPath = '' }: Named): readonly Form[] {
  const text = cgroupsPath === '' ? id : cgroupsPath;
  const unit = unitPath(cgroupsPath === '' ? `:runc:${id}` : cgroupsPath);
  const asItStands = { path: posix.join('/', text).replace(/\/$/, ''), relative: !text.startsWith('/') };
  const forms = [...(unit === undefined ? [] : [{ path: unit, relative: false }]), asItStands];
  return forms.filter(({ path }) => path !== '');
}

/** The path of systemd's unit that `slice:prefix:name` means; undefined where the text is none such. */
function unitPath(text: string): string | undefined {
  const [slice = '', prefix, name, more] = text.split(':');
  if (prefix === undefined || name === undefined || more !== undefined || text.includes('/')) return undefined;
  const parent = slicePath(slice === '' ? 'system.slice' : slice);
  return parent === undefined ? undefined : `${parent}/${name.endsWith(SLICE) ? name : `${prefix}-${name}.scope`}`;
}

/** `a-b.slice` lies in `a.slice`; `-.slice` is the root. Undefined where it is not a slice's name. */
function slicePath(slice: string): string | undefined {
  if (slice === `-${SLICE}`) return '';
  const words = slice.slice(0, -SLICE.length).split('-');
  if (!slice.endsWith(SLICE) || words.includes('')) return undefined;
  return words.map((_, at) => `/${words.slice(0, at + 1).join('-')}${SLICE}`).join('');
}
