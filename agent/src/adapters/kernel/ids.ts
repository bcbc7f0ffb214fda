/** Numbers that are in use by the kernel and numbers that are free. Pure: the kernel's maps are filled by others. */

const LAST_ID = 0xffff_ffff;

export interface Range {
  /** Ids `base + 1` to `base + count`. */
  readonly base: number;
  readonly count: number;
}

/** Rows of ids, for all tables of a node: 32 bits unless told otherwise. A row is given again only after it was freed, and as late as possible. */
export class NodeIds {
  /** By base; no two meet. */
  readonly #ranges: Range[] = [];
  readonly #last: number;
  #next: number;

  /** `highest`: no id up to it is given until the numbers have gone round. `last`: the largest id that there is. */
  constructor(highest: number, last = LAST_ID) {
    this.#next = highest;
    this.#last = last;
  }

  /** A row that is in use already, by what was there before. */
  reserve(range: Range): void {
    this.#ranges.splice(this.#firstFrom(range.base), 0, range);
  }

  /** Takes `count` ids in a row. Throws a RangeError when there is no such row. */
  take(count: number): Range {
    const range = { base: this.#gapFrom(this.#next, count) ?? this.#gapFrom(0, count) ?? -1, count };
    if (range.base === -1) throw new RangeError(`no ${count} ids in a row are free`);
    this.#ranges.splice(this.#firstFrom(range.base), 0, range);
    this.#next = range.base + count;
    return range;
  }

  free(range: Range): void {
    const at = this.#ranges.indexOf(range);
    if (at !== -1) this.#ranges.splice(at, 1);
  }

  /** Whether a table that was given its ids here uses this id. */
  has(id: number): boolean {
    const range = this.#ranges[this.#firstFrom(id) - 1];
    return range !== undefined && id <= range.base + range.count;
  }

  /** Position of the first range whose base is `base` or more. */
  #firstFrom(base: number): number {
    let low = 0;
    for (let high = this.#ranges.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.base ?? 0) < base) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #gapFrom(start: number, count: number): number | undefined {
    let base = start;
    for (let at = Math.max(0, this.#firstFrom(start) - 1); at < this.#ranges.length; at += 1) {
      const range = this.#ranges[at];
      if (range === undefined || range.base >= base + count) break;
      base = Math.max(base, range.base + range.count);
    }
    return base + count <= this.#last ? base : undefined;
  }
}

/** Small numbers from 1 up to, not including, `end`; the lowest free one is given first. */
export class Slots {
  readonly #used = new Set<number>();
  readonly #end: number;
  /** Every number below it is in use. */
  #lowest = 1;

  constructor(end: number, used: Iterable<number> = []) {
    this.#end = end;
    for (const slot of used) this.#used.add(slot);
  }

  /** Undefined when all are in use. */
  take(): number | undefined {
    while (this.#used.has(this.#lowest)) this.#lowest += 1;
    if (this.#lowest >= this.#end) return undefined;
    this.#used.add(this.#lowest);
    return this.#lowest;
  }

  free(slot: number): void {
    this.#used.delete(slot);
    this.#lowest = Math.min(this.#lowest, slot);
  }
}
