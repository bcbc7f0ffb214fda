/** The memory of a process, as the kernel tells it. */
import { readFileSync } from 'node:fs';

/** Kilobytes, by /proc's names: `VmRSS`, `VmHWM`, `Pss`. */
export function memoryOf(pid: number): Readonly<Record<string, number>> {
  const text = ['status', 'smaps_rollup'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8')).join('');
  return Object.fromEntries([...text.matchAll(/^(\w+):\s+(\d+) kB$/gm)].map(([, name = '', kilobytes]) => [name, Number(kilobytes)]));
}
