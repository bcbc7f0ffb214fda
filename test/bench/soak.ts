/** Whether the memory of the reconciler of a cluster is flat while it carries out one commit after the other. */
import { load } from './cluster/figures.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';
import { growthOf } from './soak/growth.ts';
import { SoakWorld } from './soak/soak-world.ts';
import type { Sample } from './soak/soak-world.ts';

export interface SoakSize {
  readonly commits: number;
  readonly sources: number;
  /** Commits on their way at one time: of different sources, and no more than there are. */
  readonly atOnce: number;
}

export const SOAK: SoakSize = { commits: 1000, sources: 50, atOnce: 4 };

/** Commits from one sample to the next, and from one word about how far it is to the next. */
const SAMPLE_EVERY = 4;
const SAY_EVERY = 50;
/** So many times as much may it be in the end as after the first fifth. */
const MOST_GROWTH = 1.1;
const MEBIBYTE = 2 ** 20;

/** One process, and every commit carried out; gives what could not be measured as an error. */
export async function measureSoak(say: (sentence: string) => void, size: SoakSize = SOAK): Promise<Row[]> {
  const { commits, sources, atOnce } = size;
  const world = await SoakWorld.begin(sources);
  try {
    say(`${sources} sources are ready, with a load of ${load()}`);
    const samples: Sample[] = [];
    const started = performance.now();
    let begun = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      while (begun < commits) {
        const number = begun;
        begun += 1;
        await world.commit(number % sources, 1 + Math.floor(number / sources));
        done += 1;
        // Others go on while this one samples.
        const soFar = done;
        if (soFar % SAMPLE_EVERY === 0) samples.push(await world.sample());
        if (soFar % SAY_EVERY === 0) say(`${soFar} commits, ${inMebibytes(samples.at(-1)?.resident ?? 0)} MiB, with a load of ${load()}`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    return rowsOf(size, samples, (performance.now() - started) / 1000);
  } finally {
    await world.end();
  }
}

function rowsOf({ commits, sources }: SoakSize, samples: readonly Sample[], seconds: number): Row[] {
  const resident = growthOf(samples.map((sample) => sample.resident));
  const heap = growthOf(samples.map((sample) => sample.heap));
  const what = `soak: ${commits} commits over ${sources} sources`;
  return [
    row(`${what}, duration`, [seconds, 's']),
    row(`${what}, carried out`, [(commits / seconds) * 60, 'a minute']),
    row('soak: resident memory, median of the second fifth', [inMebibytes(resident.second), 'MiB']),
    row('soak: resident memory, median of the last fifth', [inMebibytes(resident.last), 'MiB']),
    row('soak: resident memory, last by second', [resident.ratio, 'times'], { atMost: MOST_GROWTH }),
    row('soak: heap of JavaScript, median of the second fifth', [inMebibytes(heap.second), 'MiB']),
    row('soak: heap of JavaScript, median of the last fifth', [inMebibytes(heap.last), 'MiB']),
    row('soak: heap of JavaScript, last by second', [heap.ratio, 'times'], { atMost: MOST_GROWTH }),
  ];
}

function inMebibytes(bytes: number): number {
  return Math.round((bytes / MEBIBYTE) * 10) / 10;
}
