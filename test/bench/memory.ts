/** How much memory the agent takes on a large node. */
import path from 'node:path';
import { guestProgram, runInVm } from '../support/vm/index.ts';
import { CONTAINERS, POLICIES } from './memory/size.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

/** Boots a microVM and runs the installed agent there. */
export async function measureMemory(say: (sentence: string) => void): Promise<Row[]> {
  say(`an agent with ${CONTAINERS} containers and ${POLICIES} policies in a microVM`);
  const command = guestProgram(path.join(import.meta.dirname, 'memory/guest.ts'));
  const { status, output, problem } = await runInVm({ command, containerd: false, timeout: 900, onProgress: say });
  const [, resident, share] = /^resident (\d+) (\S+)$/m.exec(output) ?? [];
  if (resident === undefined) throw new Error(`the guest ended with ${status}: ${problem ?? ''}\n${output.slice(-4000)}`);
  if (share !== '1') throw new Error(`only ${Number(share) * 100} % was in force in time\n${output.slice(-4000)}`);
  const [, worked, alerts] = /^worked (\d+) (\d+)$/m.exec(output) ?? [];
  if (Number(alerts ?? 0) === 0) throw new Error(`the work was none: ${problem ?? 'no alert'}\n${output.slice(-4000)}`);
  return [
    inMebibytes(`agent: resident memory with ${CONTAINERS} containers and ${POLICIES} policies`, resident),
    inMebibytes('agent: the same after denials in ten containers and a change of policy', worked),
  ];
}

function inMebibytes(name: string, bytes: string | undefined): Row {
  return row(name, [Number(bytes) / 2 ** 20, 'MiB'], { atMost: 120 });
}
