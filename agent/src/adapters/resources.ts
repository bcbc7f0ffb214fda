/**
 * Limits in the files of cgroup v2. What a limit was before is written to a file first, so that it is restored also by an agent that is
 * started after this one was killed. Only ever tightened: whoever set a lower limit keeps it.
 */
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { IO_FIELDS } from '@parapet/policy';
import type { Resources } from '@parapet/policy';
import type { Bites, Cgroup, LimitName, LimitStore } from '../ports.ts';
import { reasonOf, StageError } from '../stage-error.ts';
import { watchEvents } from './limit-events.ts';

/** Of one cgroup: each limit as it was, and as it was written here. Keys: a file's name, for `io.max` also the device and the field. */
interface Kept {
  readonly path: string;
  readonly before: Record<string, string>;
  readonly written: Record<string, string>;
}

interface Wish {
  readonly key: string;
  readonly file: string;
  /** As the kernel reads it. */
  readonly toText: (value: string) => string;
  /** The tighter of what is there and what is wanted. */
  readonly tighter: (there: string) => string;
}

const MAX = 'max';
/** Bytes. */
const PAGE = 4_096;
const LEAST_QUOTA = 1_000;
const COUNTED: readonly LimitName[] = ['memory', 'pids', 'cpu'];

/** Opens the store; `file` remembers what limits were before. A file that cannot be read remembers nothing. */
export async function openLimits(file: string): Promise<LimitStore> {
  let kept: Map<string, Kept>;
  try {
    kept = new Map(Object.entries(JSON.parse(await readFile(file, 'utf8')) as Record<string, Kept>));
  } catch {
    kept = new Map();
  }
  return new CgroupLimits(file, kept);
}

class CgroupLimits implements LimitStore {
  readonly #file: string;
  readonly #kept: Map<string, Kept>;
  /** By cgroup the files whose limit is the one wished here, not a tighter one of somebody else. */
  readonly #inForce = new Map<bigint, Set<string>>();

  constructor(file: string, kept: Map<string, Kept>) {
    this.#file = file;
    this.#kept = kept;
  }

  async apply(cgroup: Cgroup, limits: Resources | undefined): Promise<readonly string[]> {
    if (!(await isStill(cgroup))) return this.#forget(cgroup.id);
    const problems: string[] = [];
    const wishes = limits === undefined ? [] : await wishesOf(limits, problems);
    const known = this.#known(cgroup);
    if (!this.#inForce.has(cgroup.id)) this.#inForce.set(cgroup.id, new Set());
    for (const wish of wishes) await this.#tighten(cgroup, { known, wish, problems });
    for (const key of Object.keys(known.before)) {
      if (!wishes.some((wish) => wish.key === key)) await this.#restore(cgroup, { known, key, problems });
    }
    if (Object.keys(known.before).length === 0) await this.#forget(cgroup.id);
    return problems;
  }

  async settle(keep: ReadonlySet<bigint>): Promise<void> {
    for (const [id, { path: directory }] of [...this.#kept]) {
      if (!keep.has(BigInt(id))) await this.apply({ id: BigInt(id), path: directory }, undefined);
    }
  }

  async bites({ id, path: directory }: Cgroup): Promise<Bites | undefined> {
    const [memory, pids, cpu] = await Promise.all(['memory.events', 'pids.events', 'cpu.stat'].map((name) => readCounts(directory, name)));
    if (memory === undefined && pids === undefined && !(await isStill({ id, path: directory }))) return undefined;
    return {
      memory: (memory?.get('max') ?? 0) + (memory?.get('oom_kill') ?? 0),
      pids: pids?.get('max') ?? 0,
      periods: cpu?.get('nr_periods') ?? 0,
      throttled: cpu?.get('nr_throttled') ?? 0,
      inForce: new Set(COUNTED.filter((name) => this.#inForce.get(id)?.has(`${name}.max`) === true)),
    };
  }

  watch(directory: string, onBite: (name: LimitName) => void): () => void {
    return watchEvents(directory, onBite);
  }

  /** What is kept of another cgroup, which had this number before the machine was started anew, says nothing of this one. */
  #known({ id, path: directory }: Cgroup): Kept {
    const kept = this.#kept.get(String(id));
    return kept?.path === directory ? kept : { path: directory, before: {}, written: {} };
  }

  async #tighten(cgroup: Cgroup, { known, wish, problems }: { known: Kept; wish: Wish; problems: string[] }): Promise<void> {
    const { key, file } = wish;
    try {
      const there = readLimit(await readFile(path.join(cgroup.path, file), 'utf8'), key);
      // What is there was not written here: somebody else's limit is what to come back to.
      if (known.before[key] === undefined || there !== known.written[key]) known.before[key] = there;
      const before = known.before[key] ?? there;
      const next = wish.tighter(before);
      const isOurs = next === wish.tighter(before.replace(/^\S+/, MAX));
      this.#inForce.get(cgroup.id)?.[isOurs ? 'add' : 'delete'](file);
      known.written[key] = next;
      this.#kept.set(String(cgroup.id), known);
      await this.#save();
      if (next === there) return;
      await writeFile(path.join(cgroup.path, file), wish.toText(next));
      known.written[key] = readLimit(await readFile(path.join(cgroup.path, file), 'utf8'), key);
      await this.#save();
    } catch (cause) {
      problems.push(whyNot(file, cause));
    }
  }

  async #restore(cgroup: Cgroup, { known, key, problems }: { known: Kept; key: string; problems: string[] }): Promise<void> {
    const file = fileOf(key);
    try {
      const there = readLimit(await readFile(path.join(cgroup.path, file), 'utf8'), key);
      if (there === known.written[key]) await writeFile(path.join(cgroup.path, file), textFor(key, known.before[key] ?? MAX));
    } catch (cause) {
      problems.push(whyNot(file, cause));
    }
    this.#inForce.get(cgroup.id)?.delete(file);
    delete known.before[key];
    delete known.written[key];
    await this.#save();
  }

  async #forget(id: bigint): Promise<readonly string[]> {
    this.#inForce.delete(id);
    if (this.#kept.delete(String(id))) await this.#save();
    return [];
  }

  async #save(): Promise<void> {
    try {
      await mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 });
      await writeFile(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#kept)), { mode: 0o600 });
      await rename(`${this.#file}.new`, this.#file);
    } catch (cause) {
      throw new StageError(`what limits were before cannot be kept in ${this.#file}`, { stage: 'limits', retry: true, cause });
    }
  }
}

async function isStill({ id, path: directory }: Cgroup): Promise<boolean> {
  try {
    return (await stat(directory, { bigint: true })).ino === id;
  } catch {
    return false;
  }
}

async function wishesOf(limits: Resources, problems: string[]): Promise<readonly Wish[]> {
  const plain = (file: string, wanted: number | undefined): readonly Wish[] =>
    wanted === undefined ? [] : [{ key: file, file, toText: (value) => value, tighter: (there) => lower(there, wanted) }];
  const { memory, pids, cpu } = limits;
  const wishes = [...plain('memory.max', memory === undefined ? undefined : memory - (memory % PAGE)), ...plain('pids.max', pids)];
  if (cpu !== undefined)
    wishes.push({ key: 'cpu.max', file: 'cpu.max', toText: (value) => value, tighter: (there) => lowerShare(there, cpu) });
  for (const [device, fields] of limits.io) {
    const numbers = await numbersOf(device);
    if (numbers === undefined) problems.push(`io.max: there is no device ${device} here`);
    for (const [field, name] of Object.entries(IO_FIELDS)) {
      const wanted = fields[field as keyof typeof IO_FIELDS];
      if (numbers === undefined || wanted === undefined) continue;
      const key = `io.max ${numbers} ${name}`;
      wishes.push({ key, file: 'io.max', toText: (value) => textFor(key, value), tighter: (there) => lower(there, wanted) });
    }
  }
  return wishes;
}

function lower(there: string, wanted: number): string {
  return there === MAX || Number(there) > wanted ? String(wanted) : there;
}

/** `QUOTA PERIOD`, in microseconds. */
function lowerShare(there: string, cpu: number): string {
  const [quota = MAX, period = '100000'] = there.split(' ');
  const wanted = Math.max(LEAST_QUOTA, Math.round(cpu * Number(period)));
  return `${lower(quota, wanted)} ${period}`;
}

/** `8:0`, from that or from a device's path. */
async function numbersOf(device: string): Promise<string | undefined> {
  if (!device.startsWith('/')) return device;
  try {
    const found = await stat(device, { bigint: true });
    if (!found.isBlockDevice()) return undefined;
    const major = ((found.rdev >> 8n) & 0xfffn) | ((found.rdev >> 32n) & 0xffff_f000n);
    return `${major}:${(found.rdev & 0xffn) | ((found.rdev >> 12n) & 0xffff_ff00n)}`;
  } catch {
    return undefined;
  }
}

const fileOf = (key: string): string => key.split(' ')[0] ?? key;

/** The limit of a key in its file's text. */
function readLimit(text: string, key: string): string {
  const [, device, field] = key.split(' ');
  if (device === undefined) return text.trim();
  const line = text.split('\n').find((found) => found.startsWith(`${device} `));
  const said = line?.split(' ').find((part) => part.startsWith(`${field ?? ''}=`));
  return said?.split('=')[1] ?? MAX;
}

function textFor(key: string, value: string): string {
  const [, device, field] = key.split(' ');
  return device === undefined ? value : `${device} ${field ?? ''}=${value}`;
}

async function readCounts(directory: string, name: string): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const lines = (await readFile(path.join(directory, name), 'utf8')).trim().split('\n');
    return new Map(lines.map((line) => line.split(' ')).map(([key = '', value = '']) => [key, Number(value)]));
  } catch {
    return undefined;
  }
}

function whyNot(file: string, cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  const controller = file.split('.')[0] ?? file;
  if (code === 'ENOENT')
    return `${file}: the controller ${controller} is not enabled for it; add it to cgroup.subtree_control of the cgroups above`;
  return `${file}: ${code ?? reasonOf(cause)}`;
}
