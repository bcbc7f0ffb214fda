/** Containers without a cgroup whose rules stay in force: some of their processes may live on elsewhere. */
import { LAYOUT } from '@parapet/policy';
import type { Entry } from './containers.ts';
import { readWord, word } from './map.ts';
import type { KernelMaps } from './programs.ts';

export class Leftovers {
  readonly #maps: Pick<KernelMaps, 'labels' | 'labelled'>;
  readonly #entries: Set<Entry>;

  constructor(maps: Pick<KernelMaps, 'labels' | 'labelled'>, entries: Iterable<Entry>) {
    this.#maps = maps;
    this.#entries = new Set(entries);
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values();
  }

  add(entry: Entry): void {
    this.#entries.add(entry);
  }

  /**
   * Takes out those that have no process any more. None is found of which a label is given while labels are looked for: processes that fork and end
   * all the time can't hide. `barrier` resolves when every program that was running has ended.
   */
  async takeGone(barrier: () => Promise<void>): Promise<readonly Entry[]> {
    const candidates = this.#withoutLabel([...this.#entries]);
    if (candidates.length === 0) return [];
    const { labelled } = this.#maps;
    for (const { index } of candidates) labelled.set(word(index), word(0));
    await barrier(); // a label that is not noted any more is there now
    const gone = this.#withoutLabel(candidates).filter(({ index }) => readWord(labelled.get(word(index)) ?? word(1)) === 0);
    for (const entry of gone) this.#entries.delete(entry);
    return gone;
  }

  #withoutLabel(entries: readonly Entry[]): readonly Entry[] {
    if (entries.length === 0) return [];
    const alive = new Set<number>();
    for (const { value } of this.#maps.labels.entries()) alive.add(readWord(value, LAYOUT.label.container));
    return entries.filter(({ index }) => !alive.has(index));
  }
}
