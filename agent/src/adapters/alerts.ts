/** Alerts to a file or to standard output, through a queue with an end: a slow or full disk costs alerts, counted, and nothing else. */
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, stat } from 'node:fs/promises';
import { write as writeFd } from 'node:fs';
import { promisify } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AlertSink } from '../ports.ts';
import { reasonOf, StageError } from '../stage-error.ts';

const writeTo = promisify(writeFd);
const STDOUT = 1;

export interface AlertsOptions {
  /** A file to append to, or `-` for standard output. */
  readonly to: string;
  readonly log: (line: string) => void;
  /** Bytes of alerts that may wait; default 16 MiB. */
  readonly room?: number;
}

/** Milliseconds between looks whether the file was rotated away. */
const ROTATION = 1000;
const BATCH = 256 * 1024;
/** Milliseconds that closing waits for a slow reader. */
const FAREWELL = 2000;

/** An alert sink that an operator may ask to open its file anew, after rotating it. */
export interface ReopenableAlerts extends AlertSink {
  reopen(): void;
}

/** Opens the sink. Throws a StageError when the file cannot be opened. A new file can be read by its owner only. */
export async function openAlerts(options: AlertsOptions): Promise<ReopenableAlerts> {
  const sink = new Alerts(options);
  await sink.open();
  return sink;
}

class Alerts implements ReopenableAlerts {
  readonly #options: AlertsOptions;
  readonly #room: number;
  #handle: FileHandle | undefined;
  #opened = -Infinity;
  #queue: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  #complained = false;
  #stale = false;
  #closing = false;
  #writing: Promise<void> | undefined;

  constructor(options: AlertsOptions) {
    this.#options = options;
    this.#room = options.room ?? 16 * 1024 * 1024;
  }

  async open(): Promise<void> {
    if (this.#options.to === '-') return;
    // Not blocking, so that a pipe without a reader fails instead of hanging.
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
    try {
      this.#handle = await open(this.#options.to, flags, 0o600);
      this.#opened = performance.now();
    } catch (cause) {
      throw new StageError(`alerts cannot be written to ${this.#options.to}`, { stage: 'alerts', retry: true, cause });
    }
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#closing || this.#bytes + bytes.length > this.#room) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(bytes);
    this.#bytes += bytes.length;
    this.#writing ??= this.#drain().finally(() => (this.#writing = undefined));
  }

  dropped(): number {
    return this.#dropped;
  }

  reopen(): void {
    this.#stale = true;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.race([this.#writing, sleep(FAREWELL, undefined, { ref: false })]);
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #drain(): Promise<void> {
    // Alerts of one tick travel together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#take();
      try {
        await this.#follow();
        await this.#writeAll(Buffer.concat(batch));
        this.#complained = false;
      } catch (error) {
        this.#dropped += batch.length;
        if (!this.#complained) this.#options.log(`alerts are lost: ${reasonOf(error)}`);
        this.#complained = true;
      }
    }
  }

  #take(): Buffer[] {
    let size = 0;
    let count = 0;
    while (count < this.#queue.length && (count === 0 || size < BATCH)) size += this.#queue[count++]?.length ?? 0;
    this.#bytes -= size;
    return this.#queue.splice(0, count);
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    const fd = this.#handle?.fd ?? STDOUT;
    let patience = 200;
    for (let offset = 0; offset < bytes.length;) {
      try {
        offset += (await writeTo(fd, bytes, offset, bytes.length - offset, null)).bytesWritten;
      } catch (error) {
        // A pipe that is full: its reader gets two seconds for each batch.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || patience === 0) throw error;
        patience -= 1;
        await sleep(10);
      }
    }
  }

  /** Opens the file anew when it was rotated away, or when asked to. */
  async #follow(): Promise<void> {
    if (this.#options.to === '-') return;
    if (this.#handle !== undefined && !this.#stale) {
      if (performance.now() - this.#opened < ROTATION) return;
      const [there, ours] = await Promise.all([stat(this.#options.to).catch(() => undefined), this.#handle.stat()]);
      this.#opened = performance.now();
      if (there?.ino === ours.ino && there.dev === ours.dev) return;
    }
    this.#stale = false;
    await this.#handle?.close();
    this.#handle = undefined;
    await this.open();
  }
}
