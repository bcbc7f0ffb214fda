/**
 * Recorded telemetry in a folder: files of JSON lines, as agents and KubeArmor write them, brought there by whatever collects logs. Anybody may
 * have written them, and they may be of any size: what is read is bounded, the newest of each file first.
 */
import { constants, promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { linesOf, MAX_TELEMETRY_LINE, readTelemetryLine } from '@parapet/policy';
import type { TelemetryReading } from '@parapet/policy';
import type { Recorded, Telemetry } from '../telemetry.ts';

export interface TelemetryLimits {
  /** Most files; the ones that were written to last. */
  readonly files: number;
  /** Most bytes of all files together: each has an equal share, and what a short one leaves goes to the others. */
  readonly bytes: number;
}

export const TELEMETRY_LIMITS: TelemetryLimits = { files: 500, bytes: 64 * 1024 * 1024 };

/** Entries of the folder that are looked at. */
const MOST_ENTRIES = 10_000;
/** Lines between two looks at the signal. */
const CHUNK = 500;

export interface TelemetryFilesOptions {
  readonly directory: string;
  readonly limits?: TelemetryLimits;
}

interface Found {
  readonly path: string;
  readonly size: number;
  readonly modified: number;
}

/** When that which was read of a file begins; `-Infinity` where it reaches back to before the window. */
interface Begin {
  readonly at: number;
  /** Whether there was more of the file than could be read. */
  readonly isPart: boolean;
}

interface Window {
  readonly since: number;
  readonly take: (reading: TelemetryReading) => void;
  readonly signal: AbortSignal;
}

export class TelemetryFiles implements Telemetry {
  readonly #directory: string;
  readonly #limits: TelemetryLimits;

  constructor({ directory, limits = TELEMETRY_LIMITS }: TelemetryFilesOptions) {
    this.#directory = directory;
    this.#limits = limits;
  }

  async recorded(since: number, take: (reading: TelemetryReading) => void, signal: AbortSignal): Promise<Recorded> {
    try {
      return { kind: 'read', from: await this.#read({ since, take, signal }) };
    } catch (error) {
      signal.throwIfAborted();
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      return { kind: 'failed', message: `the telemetry in ${this.#directory} can't be read: ${code}` };
    }
  }

  async #read(window: Window): Promise<number | undefined> {
    const all = (await this.#find(window.signal)).toSorted((a, b) => b.modified - a.modified);
    const recent = all.filter(({ modified }) => modified >= window.since);
    const chosen = recent.slice(0, this.#limits.files).toSorted((a, b) => a.size - b.size);
    const begins: Begin[] = [];
    if (recent.length < all.length) begins.push({ at: -Infinity, isPart: false });
    const [leftOut] = recent.slice(this.#limits.files);
    if (leftOut !== undefined) begins.push({ at: leftOut.modified, isPart: true });
    let room = this.#limits.bytes;
    for (const [index, file] of chosen.entries()) {
      window.signal.throwIfAborted();
      const share = Math.floor(room / (chosen.length - index));
      room -= Math.min(file.size, share);
      begins.push(await readFile(file, share, window));
    }
    return fromOf(begins, window.since);
  }

  /** Regular files that are really in the folder: the links in a mounted ConfigMap lead to its own. */
  async #find(signal: AbortSignal): Promise<readonly Found[]> {
    const home = await fs.realpath(this.#directory);
    const found: Found[] = [];
    let entries = 0;
    for await (const { name } of await fs.opendir(home)) {
      signal.throwIfAborted();
      if ((entries += 1) > MOST_ENTRIES) break;
      if (name.startsWith('.') || /\.(gz|xz|zst|bz2)$/.test(name)) continue;
      const path = await fs.realpath(join(home, name)).catch(() => '');
      if (!path.startsWith(`${home}${sep}`)) continue;
      const stat = await fs.stat(path).catch(() => undefined);
      if (stat?.isFile() === true) found.push({ path, size: stat.size, modified: stat.mtimeMs });
    }
    return found;
  }
}

/** Reads the last `share` bytes. A file that is gone meanwhile was rotated away. */
async function readFile(file: Found, share: number, window: Window): Promise<Begin> {
  const isPart = file.size > share;
  let handle: FileHandle;
  try {
    // Not blocking, for what is put in the file's place.
    handle = await fs.open(file.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { at: Infinity, isPart: false };
    throw error;
  }
  try {
    if (!(await handle.stat()).isFile() || share === 0 || file.size === 0) return { at: Infinity, isPart };
    const start = isPart ? file.size - share : 0;
    const chunks = handle.createReadStream({ start, end: file.size - 1, encoding: 'utf8', autoClose: false });
    return { at: await replay(chunks as AsyncIterable<string>, isPart, window), isPart };
  } finally {
    await handle.close();
  }
}

/** Gives what is in the window; when that begins. */
async function replay(chunks: AsyncIterable<string>, isPart: boolean, { since, take, signal }: Window): Promise<number> {
  let begin = Infinity;
  for await (const { text, number } of linesOf(chunks, MAX_TELEMETRY_LINE)) {
    if (number % CHUNK === 0) signal.throwIfAborted();
    // The first line of a part is half of one.
    if ((isPart && number === 1) || text.trim() === '') continue;
    const reading = readTelemetryLine(text);
    const at = 'fault' in reading ? undefined : reading.happened.last;
    if ('fault' in reading) take(reading);
    else if (at === undefined) take({ fault: 'it does not say when it happened' });
    else if (at < since) begin = -Infinity;
    else {
      begin = Math.min(begin, at);
      take(reading);
    }
  }
  return begin;
}

/** The recording begins with its oldest record, and is whole from where each file that was read in part begins. */
function fromOf(begins: readonly Begin[], since: number): number | undefined {
  const oldest = Math.min(...begins.map(({ at }) => at));
  if (oldest === Infinity) return undefined;
  const parts = begins.filter(({ at, isPart }) => isPart && at !== Infinity).map(({ at }) => at);
  return Math.max(since, oldest, ...parts);
}
