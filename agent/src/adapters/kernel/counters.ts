/** The kernel's counters: one number for each processor and name. */
import { COUNTERS } from '@parapet/policy';
import type { CounterName } from '@parapet/policy';
import { checked } from './library.ts';
import type { KernelLibrary } from './library.ts';
import { word } from './map.ts';

/** One counter, over all processors. `map` is the descriptor of the counters. */
export function readCounter(library: KernelLibrary, { map, name }: { readonly map: number; readonly name: CounterName }): number {
  const cpus = checked(library.libbpf_num_possible_cpus(), 'counting processors');
  const values = Buffer.alloc(cpus * 8);
  checked(library.bpf_map_lookup_elem(map, word(COUNTERS.indexOf(name)), values), 'reading counters');
  let sum = 0n;
  for (let cpu = 0; cpu < cpus; cpu += 1) sum += values.readBigUInt64LE(cpu * 8);
  return Number(sum);
}

/** All counters by name. */
export function readCounters(library: KernelLibrary, map: number): Readonly<Record<CounterName, number>> {
  return Object.fromEntries(COUNTERS.map((name) => [name, readCounter(library, { map, name })])) as Record<CounterName, number>;
}
