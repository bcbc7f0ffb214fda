/**
 * Gives memory back to the system that work needed and rest does not: what V8 keeps for the next objects, holes in the heap of C, and pages of
 * Node's own file. The latter are in the page cache, too: one that is needed again is mapped again.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { KernelLibrary } from './library.ts';

type Collect = (how: { readonly type: 'major'; readonly execution: 'sync'; readonly flavor: 'last-resort' }) => void;

const MADV_DONTNEED = 4;

let collect: Collect | undefined;

/** Collects the heap of the calling thread as if memory had run out: what is left is packed, and empty pages go back to the system. */
export function collectHeap(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
  }
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** Gives back all that can be spared; takes as long as a full collection of garbage. */
export function giveBackMemory(library: Pick<KernelLibrary, 'madvise' | 'malloc_trim'>): void {
  collectHeap();
  library.malloc_trim(0);
  // What the system does not want to have back stays: nothing depends on it.
  for (const { start, length } of cleanParts(readFileSync('/proc/self/smaps', 'latin1'), readlinkSync('/proc/self/exe')))
    library.madvise(String(start), String(length), MADV_DONTNEED);
}

/**
 * Parts of memory that are an executable as it is on disk, in the words of proc(5) about a process. Parts that can be written, or of which a page
 * was (by the loader, or for a breakpoint), are not among them: such a page is nowhere else. Nor are libraries: one may be about to be loaded.
 */
export function* cleanParts(smaps: string, executable: string): Generator<{ readonly start: bigint; readonly length: bigint }> {
  const part = /^([0-9a-f]+)-([0-9a-f]+) r-[-x]p \S+ \S+ [1-9]\d* +(.*)\n(?:[A-Z].*\n)*?Anonymous: +0 kB$/gm;
  for (const [, from, to, file] of smaps.matchAll(part)) {
    const start = BigInt(`0x${from}`);
    if (file === executable) yield { start, length: BigInt(`0x${to}`) - start };
  }
}
