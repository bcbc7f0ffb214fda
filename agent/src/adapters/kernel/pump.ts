/** Takes events out of the kernel: records from the ring buffer, and what was counted from the tallies. bpf/aggregate.h is the other side. */
import { LAYOUT, TALLY_TEXT } from '@parapet/policy';
import { readCounter } from './counters.ts';
import { checked, isNull } from './library.ts';
import type { Handle, KernelLibrary } from './library.ts';
import { longWord, readLongWord, readWord, word } from './map.ts';
import { Records } from './records.ts';
import type { Batch } from './records.ts';

const CLOCK_BOOTTIME = 7;
const ENOENT = -2;
/** A header and three paths; bpf/scratch.h. */
const LARGEST_RECORD = LAYOUT.event.size + 4096;
/** Bytes of records in one batch: what the telling thread does at one go. */
const BATCH = 256 * 1024;
const KEY = LAYOUT.tally_key.size;
const TALLY = LAYOUT.event.size + TALLY_TEXT;
/** Tallies that are read at one go. */
const SOME = 512;

/** Descriptors of the maps that events come from. */
export interface EventMaps {
  readonly events: number;
  readonly counters: number;
  readonly tallies: number;
  /** One of them is counted in; emptying changes them over. */
  readonly talliesA: number;
  readonly talliesB: number;
}

export class EventPump {
  readonly #library: KernelLibrary;
  readonly #maps: EventMaps;
  readonly #ring: Handle;
  readonly #buffer = Buffer.alloc(BATCH);
  readonly #records = new Records();
  #countedInB = false;
  #aggregated = -1;

  constructor(library: KernelLibrary, maps: EventMaps) {
    const error = Buffer.alloc(4);
    this.#library = library;
    this.#maps = maps;
    this.#ring = library.parapet_ring_open(maps.events, LARGEST_RECORD, error);
    if (isNull(this.#ring)) checked(error.readInt32LE(), "opening the kernel's ring buffer");
  }

  /** Records that wait in the ring buffer, at most a batch of them; undefined when there is none. */
  drain(): Batch | undefined {
    const used = checked(this.#library.parapet_drain(this.#ring, this.#buffer, BATCH), 'reading kernel events');
    for (let at = 0; at + 4 <= used;) {
      const end = at + 4 + this.#buffer.readUInt32LE(at);
      this.#records.add(this.#buffer, at + 4, end);
      at = end;
    }
    return used === 0 ? undefined : this.#records.take(this.#bootEpoch());
  }

  /** Waits until the kernel has something that must be told at once, at most so long. */
  wait(milliseconds: number): void {
    checked(this.#library.parapet_wait(this.#ring, milliseconds), 'waiting for kernel events');
  }

  /** Whether anything was counted since the tallies were last emptied. */
  hasTallies(): boolean {
    return this.#readAggregated() !== this.#aggregated;
  }

  /** Lets the other map count from now on, and returns the one that did. What was told before something was counted in it can now be drained. */
  retire(): number {
    this.#aggregated = this.#readAggregated();
    const retired = this.#countedInB ? this.#maps.talliesB : this.#maps.talliesA;
    const next = this.#countedInB ? this.#maps.talliesA : this.#maps.talliesB;
    // Returns when no program that runs can still count in the one that was there before.
    checked(this.#library.bpf_map_update_elem(this.#maps.tallies, word(0), word(next), 0), 'changing the tallies');
    this.#countedInB = !this.#countedInB;
    return retired;
  }

  /** Empties tallies that are out of use: what each has counted and no summary has told, as one summary. */
  *empty(retired = this.retire()): Generator<Batch> {
    const keys = Buffer.alloc(SOME * KEY);
    const values = Buffer.alloc(SOME * TALLY);
    const position = { from: null as Uint8Array | null, to: new Uint8Array(Math.max(KEY, 8)) };
    for (let more = true; more;) {
      const count = word(SOME);
      const { from, to } = position;
      const result = this.#library.bpf_map_lookup_and_delete_batch(retired, from, to, keys, values, count, null);
      if (result !== ENOENT) checked(result, 'reading tallies');
      more = result !== ENOENT;
      position.from = to.slice();
      for (let i = 0; i < readWord(count); i += 1) this.#addTally(values, i * TALLY);
      if (this.#records.count > 0) yield this.#records.take(this.#bootEpoch());
    }
  }

  /** The tallies of both maps, also of what an earlier agent left: which of them is counted in is not known before. */
  *emptyBoth(): Generator<Batch> {
    yield* this.empty();
    yield* this.empty();
  }

  close(): void {
    this.#library.parapet_ring_close(this.#ring);
  }

  #addTally(values: Buffer, at: number): void {
    const { count, told } = LAYOUT.event;
    const untold = readLongWord(values, at + count) - readLongWord(values, at + told);
    if (untold <= 0n) return;
    values.set(longWord(untold), at + count);
    this.#records.add(values, at, at + TALLY);
  }

  #readAggregated(): number {
    return readCounter(this.#library, { map: this.#maps.counters, name: 'aggregated' });
  }

  #bootEpoch(): number {
    const time = Buffer.alloc(16);
    checked(this.#library.clock_gettime(CLOCK_BOOTTIME, time), 'reading the clock');
    return Date.now() - (Number(time.readBigInt64LE(0)) * 1000 + Number(time.readBigInt64LE(8)) / 1e6);
  }
}
