/** Programs of containers that are not known yet: how the kernel meets them, who waits to run one, and waking those. bpf/hold.h */
import { HOLD_MODE, HOLD_ROOT, LAYOUT } from '@parapet/policy';
import type { Gate, GateSettings, HeldProcess } from '../../ports.ts';
import type { KernelLibrary } from './library.ts';
import { longWord, readLongWord, readWord, word } from './map.ts';
import type { KernelMaps } from './programs.ts';

const SIGNAL = { kill: 9, run: 18 } as const;

interface GateParts {
  readonly library: KernelLibrary;
  readonly maps: Pick<KernelMaps, 'hold_settings' | 'hold_roots' | 'hold_passed' | 'held'>;
  /** Whether rules (or that there are none) are in force for a cgroup. */
  readonly isKnown: (cgroup: bigint) => boolean;
  /** Sees to it that somebody wakes those who wait when this process dies. */
  readonly watch: () => void;
}

export class KernelGate implements Gate {
  readonly #parts: GateParts;
  readonly #roots = new Set<string>();
  #settings = new Uint8Array(LAYOUT.hold_settings.size);

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  tend({ unknown, whenGone, roots }: GateSettings): void {
    const { maps, watch } = this.#parts;
    watch();
    for (const name of roots) {
      const key = rootKey(name);
      if (this.#roots.has(name) || key === undefined) continue;
      maps.hold_roots.set(key, word(holdsServices(name) ? HOLD_ROOT.mixed : HOLD_ROOT.containers));
      this.#roots.add(name);
    }
    const view = new DataView(this.#settings.buffer);
    view.setUint32(LAYOUT.hold_settings.unknown, HOLD_MODE[unknown === 'hold' ? 'stop' : unknown], true);
    view.setUint32(LAYOUT.hold_settings.deny_when_gone, whenGone === 'deny' ? 1 : 0, true);
    this.#setAlive(process.hrtime.bigint());
  }

  retire(): void {
    this.#setAlive(0n);
  }

  held(): readonly HeldProcess[] {
    const { maps, isKnown } = this.#parts;
    if (maps.held.isEmpty()) return [];
    const now = process.hrtime.bigint();
    return [...maps.held.entries()].map(({ key, value }) => {
      const cgroup = readLongWord(value, LAYOUT.held.cgroup);
      const waited = Number((now - readLongWord(value, LAYOUT.held.since)) / 1_000_000n);
      return { pid: readWord(key), cgroup, waited, known: isKnown(cgroup) };
    });
  }

  /** Its entry in the map goes when it ends: with the entry there, the descriptor that was opened before is this process's. */
  release({ pid, cgroup }: HeldProcess, how: 'try' | 'pass' | 'kill'): void {
    const { library, maps } = this.#parts;
    const descriptor = library.parapet_pidfd(pid);
    if (descriptor < 0) return;
    try {
      if (maps.held.get(word(pid)) === undefined) return;
      if (how === 'pass') maps.hold_passed.set(longWord(cgroup), Uint8Array.of(1));
      library.parapet_signal(descriptor, how === 'kill' ? SIGNAL.kill : SIGNAL.run);
    } finally {
      library.close(descriptor);
    }
  }

  #setAlive(time: bigint): void {
    new DataView(this.#settings.buffer).setBigUint64(LAYOUT.hold_settings.alive, time, true);
    this.#parts.maps.hold_settings.set(word(0), this.#settings);
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
