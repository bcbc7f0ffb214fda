/**
 * A memory cgroup of its own, of either version: what is made while this process is in it is charged to it for good, kernel maps with all entries
 * that they ever get. So maps can be left without memory while the process that writes to them has plenty.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = '/sys/fs/cgroup';
const V1 = path.join(ROOT, 'memory');
const isV1 = existsSync(path.join(V1, 'cgroup.procs'));
const CONTROLLER = isV1 ? V1 : ROOT;
const FILES = isV1
  ? { used: 'memory.usage_in_bytes', most: 'memory.limit_in_bytes', free: '-1' }
  : { used: 'memory.current', most: 'memory.max', free: 'max' };

export class MemoryCgroup {
  readonly #directory = path.join(CONTROLLER, `parapet-test-${process.pid}`);

  constructor() {
    if (!isV1) writeFileSync(path.join(ROOT, 'cgroup.subtree_control'), '+memory');
    mkdirSync(this.#directory);
  }

  /** Runs it inside, and returns to where the process was. */
  within<Result>(work: () => Result): Result {
    const home = homeOf();
    this.#enter(this.#directory);
    try {
      return work();
    } finally {
      this.#enter(home);
    }
  }

  /** From now on there is room for so many bytes more than are used. */
  leave(bytes: number): void {
    writeFileSync(this.#file('most'), String(Number(readFileSync(this.#file('used'), 'utf8')) + bytes));
  }

  /** No limit any more. */
  lift(): void {
    writeFileSync(this.#file('most'), FILES.free);
  }

  close(): void {
    rmdirSync(this.#directory);
  }

  #enter(directory: string): void {
    writeFileSync(path.join(directory, 'cgroup.procs'), String(process.pid));
  }

  #file(which: 'used' | 'most'): string {
    return path.join(this.#directory, FILES[which]);
  }
}

function homeOf(): string {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  const line = lines.find((text) => (isV1 ? /^\d+:([^:]*,)?memory[,:]/.test(text) : text.startsWith('0::'))) ?? '::/';
  return path.join(CONTROLLER, line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1));
}
