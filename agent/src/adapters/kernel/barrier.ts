/** Waits until no program that is running now runs any more. */
import path from 'node:path';
import { KernelMap, word } from './map.ts';
import type { KernelLibrary } from './library.ts';

const SHAPE = { keySize: 4, valueSize: 4 };

/** Resolves when every kernel program that was running has ended: for those the kernel waits when an entry of a map of maps is replaced. */
export function passBarrier({ barrier, barrier_value }: Readonly<Record<'barrier' | 'barrier_value', KernelMap>>): Promise<void> {
  return barrier.setSlowly(word(0), word(barrier_value.fd));
}

/** The same by maps that are pinned in `pins`; where there are none, nothing runs. */
export async function waitForPrograms(library: KernelLibrary, pins: string): Promise<void> {
  const [outer, inner] = ['barrier', 'barrier_value'].map((name) => {
    return new KernelMap(library, library.bpf_obj_get(path.join(pins, name)), { name, ...SHAPE });
  }) as [KernelMap, KernelMap];
  try {
    if (outer.fd >= 0 && inner.fd >= 0) await passBarrier({ barrier: outer, barrier_value: inner });
  } finally {
    for (const { fd } of [outer, inner]) if (fd >= 0) library.close(fd);
  }
}
