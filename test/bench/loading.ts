/** How large the kernel programs are for the verifier and as machine code, and how long it takes to load and attach all of them. */
import { loadavg } from 'node:os';
import path from 'node:path';
import { guestProgram, outputOf } from '../support/vm/index.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

/** Boots an ordinary microVM, and loads the programs there. The seconds are emulated ones: a goal of the project, no claim about hardware. */
export async function measureLoading(say: (sentence: string) => void): Promise<Row[]> {
  const load = loadavg()[0]!.toFixed(1);
  say(`loading in a microVM, on a machine with a load of ${load}`);
  const command = guestProgram(path.join(import.meta.dirname, 'loading/guest.ts'));
  const output = await outputOf({ command, containerd: false, onProgress: say });
  const rows: Row[] = [];
  for (const line of output.split('\n')) {
    const [kind, name, ...values] = line.split(' ');
    const [first, second] = values.map(Number);
    if (kind === 'seconds') rows.push(row(`loading and attaching all programs (host's load ${load})`, [Number(name), 's'], { atMost: 3 }));
    if (kind !== 'program') continue;
    rows.push(row(`${name}: verified instructions`, [first!, 'instructions']), row(`${name}: machine code`, [second!, 'bytes']));
  }
  if (rows.length < 2) throw new Error(`the guest said nothing of use:\n${output.slice(-2000)}`);
  return rows;
}
