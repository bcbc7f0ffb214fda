/** Numbers that are in use by the kernel and numbers that are free. Pure: the kernel's maps are filled by others. */

const LAST_ID = 0xffff_ffff;

interface Range {
  /** Ids `base + 1` to `base + count`. */
  readonly base: number;
  readonly count: number;
}

/** Node ids: 32 bits for all tables of a node. A range is given again only after it was freed, and as late as possible. */
export class NodeIds {
  readonly #ranges = new Set<Range>();
  #next: number;

  /** `highest`: no id up to it is given until the numbers have gone round. */
  constructor(highest: number) {
    this.#next = highest;
  }

  /** Takes `count` ids in a row. Throws a RangeError when there is no such row. */
  take(count: number): Range {
    const range = { base: this.#gapFrom(this.#next, count) ?? this.#gapFrom(0, count) ?? -1, count };
    if (range.base === -1) throw new RangeError(`no ${count} node ids in a row are free`);
    this.#ranges.add(range);
    this.#next = range.base + count;
    return range;
  }

  free(range: Range): void {
    this.#ranges.delete(range);
  }

  /** Whether a table that was given its ids here uses this id. */
  has(id: number): boolean {
    for (const { base, count } of this.#ranges) {
      if (id > base && id <= base + count) return true;
    }
    return false;
  }

  #gapFrom(start: number, count: number): number | undefined {
    let base = start;
    for (const range of [...this.#ranges].sort((a, b) => a.base - b.base)) {
      if (range.base + range.count <= base) continue;
      if (range.base >= base + count) break;
      base = range.base + range.count;
    }
    return base + count <= LAST_ID ? base : undefined;
  }
}

/** Small numbers from 1 up to, not including, `end`; the lowest free one is given first. */
export class Slots {
  readonly #used = new Set<number>();
  readonly #end: number;

  constructor(end: number, used: Iterable<number> = []) {
    this.#end = end;
    for (const slot of used) this.#used.add(slot);
  }

  /** Undefined when all are in use. */
  take(): number | undefined {
    for (let slot = 1; slot < this.#end; slot += 1) {
      if (this.#used.has(slot)) continue;
      this.#used.add(slot);
      return slot;
    }
    return undefined;
  }

  free(slot: number): void {
    this.#used.delete(slot);
  }
}
