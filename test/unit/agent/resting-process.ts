/**
 * A process that gives its memory back after work, beside a thread that works on: prints as JSON the file pages and all pages that it had before
 * and after, and what both threads can still do then.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { gunzipSync, gzipSync } from 'node:zlib';
import { openLibrary } from '../../../agent/src/adapters/kernel/library.ts';
import { giveBackMemory } from '../../../agent/src/adapters/kernel/memory.ts';

const OBJECTS = 300_000;
const library = openLibrary(path.join(import.meta.dirname, '../../../bpf/build'));

/** Kilobytes. */
function resident(): { readonly file: number; readonly all: number } {
  const status = readFileSync('/proc/self/status', 'utf8');
  const [file = 0, all = 0] = ['RssFile', 'VmRSS'].map((name) => Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)?.[1]));
  return { file, all };
}

/** Needs the compiler, the regular expressions, ICU and zlib: parts of Node's file that are not in use all the time. */
function work(): string {
  const words = Array.from({ length: OBJECTS }, (_, i) => ({ word: `word ${i}` })).filter(({ word }) => /9{5}$/.test(word));
  const packed = gunzipSync(gzipSync(JSON.stringify(words))).toString();
  return `${packed} ${new Intl.NumberFormat('de').format(1234.5)}`;
}

const thread = new Worker(
  `const { parentPort } = require('node:worker_threads');
   parentPort.on('message', (list) => parentPort.postMessage(list.toSorted().join()));`,
  { eval: true },
);

/** What the thread makes of a list. */
function sorted(list: readonly number[]): Promise<unknown> {
  const answer = new Promise<unknown>((resolve) => thread.once('message', resolve));
  thread.postMessage(list);
  return answer;
}

const expected = [work(), await sorted([3, 1, 2])].join();
const before = resident();
giveBackMemory(library);
const after = resident();
const found = [[work(), await sorted([2, 3, 1])].join()];
giveBackMemory(library);
found.push([work(), await sorted([1, 3, 2])].join());
process.stdout.write(JSON.stringify({ before, after, works: found.every((one) => one === expected) }));
await thread.terminate();
