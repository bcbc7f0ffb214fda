/** Programs of containers that are not known yet: how the kernel meets them, which it has stopped, and letting them go. bpf/hold.h */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { HOLD_MODE, HOLD_ROOT, LAYOUT } from '@parapet/policy';
import type { Gate, GateSettings, HeldProcess } from '../../ports.ts';
import type { KernelLibrary } from './library.ts';
import { longWord, readLongWord, readWord, word } from './map.ts';
import type { KernelMaps } from './programs.ts';

const SIGNAL = { kill: 9, run: 18 } as const;
/** Milliseconds after which a process that no rule is for is the runtime's own: its program could not be run. */
const RUNTIME_PATIENCE = 1_000;

interface GateParts {
  readonly library: KernelLibrary;
  readonly maps: Pick<KernelMaps, 'hold_settings' | 'hold_roots' | 'hold_passed' | 'held' | 'labels'>;
  /** Whether rules (or that there are none) are in force for a cgroup. */
  readonly isKnown: (cgroup: bigint) => boolean;
  /** Labels the tasks of known cgroups. */
  readonly adopt: () => void;
  readonly proc?: string;
}

export class KernelGate implements Gate {
  readonly #parts: GateParts;
  readonly #roots = new Set<string>();

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  tend({ unknown, whenGone, roots }: GateSettings): void {
    const { maps } = this.#parts;
    for (const name of roots) {
      const key = rootKey(name);
      if (this.#roots.has(name) || key === undefined) continue;
      maps.hold_roots.set(key, word(holdsServices(name) ? HOLD_ROOT.mixed : HOLD_ROOT.containers));
      this.#roots.add(name);
    }
    const bytes = new Uint8Array(LAYOUT.hold_settings.size);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(LAYOUT.hold_settings.alive, process.hrtime.bigint(), true);
    view.setUint32(LAYOUT.hold_settings.unknown, HOLD_MODE[unknown === 'hold' ? 'stop' : unknown], true);
    view.setUint32(LAYOUT.hold_settings.deny_when_gone, whenGone === 'deny' ? 1 : 0, true);
    maps.hold_settings.set(word(0), bytes);
  }

  held(): readonly HeldProcess[] {
    const { maps, isKnown, adopt } = this.#parts;
    if (maps.held.isEmpty()) return [];
    const now = process.hrtime.bigint();
    const found = [...maps.held.entries()].map(({ key, value }) => ({
      pid: readWord(key),
      cgroup: readLongWord(value, LAYOUT.held.cgroup),
      waited: Number((now - readLongWord(value, LAYOUT.held.since)) / 1_000_000n),
    }));
    const isLabelled = (pid: number): boolean => maps.labels.get(word(pid)) !== undefined;
    if (found.some(({ pid, cgroup }) => isKnown(cgroup) && !isLabelled(pid))) adopt();
    return found.map((process) => ({
      ...process,
      confined: isLabelled(process.pid) || (isKnown(process.cgroup) && process.waited > RUNTIME_PATIENCE),
      ...this.#programOf(process.pid),
    }));
  }

  /** Its entry in the map goes when it ends: with the entry there, the descriptor that was opened before is this process's. */
  release({ pid, cgroup }: HeldProcess, how: 'run' | 'pass' | 'kill'): void {
    const { library, maps } = this.#parts;
    const descriptor = library.parapet_pidfd(pid);
    if (descriptor < 0) return;
    try {
      if (maps.held.get(word(pid)) === undefined) return;
      if (how === 'pass') maps.hold_passed.set(longWord(cgroup), Uint8Array.of(1));
      library.parapet_signal(descriptor, how === 'kill' ? SIGNAL.kill : SIGNAL.run);
      maps.held.delete(word(pid));
    } finally {
      library.close(descriptor);
    }
  }

  /** What it is about to run, and whether it owns that; nothing where it is gone. */
  #programOf(pid: number): Pick<HeldProcess, 'program' | 'owner'> {
    const at = `${this.#parts.proc ?? '/proc'}/${pid}`;
    try {
      const fsuid = /^Uid:(?:\s+\d+){3}\s+(\d+)/m.exec(readFileSync(`${at}/status`, 'utf8'))?.[1];
      return { program: readlinkSync(`${at}/exe`), owner: Number(fsuid) === statSync(`${at}/exe`).uid };
    } catch {
      return { program: '', owner: false };
    }
  }
}

/** The key of a name; undefined where it is longer than the kernel half compares. */
function rootKey(name: string): Uint8Array | undefined {
  const bytes = Buffer.from(name);
  if (bytes.length === 0 || bytes.length >= LAYOUT.root_name.size) return undefined;
  return Buffer.concat([bytes, Buffer.alloc(LAYOUT.root_name.size - bytes.length)]);
}

/** systemd's slices hold services of the node as well, all but Kubernetes' own. */
function holdsServices(name: string): boolean {
  return name.endsWith('.slice') && !name.startsWith('kubepods');
}
