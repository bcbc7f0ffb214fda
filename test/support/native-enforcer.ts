/**
 * The enforcer over this machine's own kernel maps, with nothing attached: what a swap does to the maps, and what it costs, without a
 * virtual machine. Needs root.
 */
import path from 'node:path';
import { LAYOUT } from '@parapet/policy';
import { KernelEnforcer } from '../../agent/src/adapters/kernel/enforcer.ts';
import { checked, isNull, openLibrary } from '../../agent/src/adapters/kernel/library.ts';
import { KernelMap } from '../../agent/src/adapters/kernel/map.ts';
import { SHAPES } from '../../agent/src/adapters/kernel/programs.ts';
import type { KernelMaps, MapName } from '../../agent/src/adapters/kernel/programs.ts';

const BUILD = path.join(import.meta.dirname, '../../bpf/build');

/** No program runs at system calls either. */
const NOT_ATTACHED = { attached: false, attach: () => undefined, detach: () => undefined };

export interface NativeEnforcer {
  readonly enforcer: KernelEnforcer;
  readonly maps: KernelMaps;
  /** The word of a cgroup's container, as the kernel's programs would read it; undefined where none is known. */
  wordOf(cgroup: bigint): bigint | undefined;
  close(): void;
}

/** Opens maps of its own, which are gone with `close`. */
export function openNativeEnforcer(): NativeEnforcer {
  const library = openLibrary(BUILD);
  const error = Buffer.alloc(4);
  const object = library.parapet_load(path.join(BUILD, 'match_test.bpf.o'), '', error);
  if (isNull(object)) throw new Error(`the kernel refuses the maps (${error.readInt32LE()}): ${library.parapet_messages()}`);
  const open = (name: MapName): KernelMap =>
    new KernelMap(library, checked(library.bpf_object__find_map_fd_by_name(object, name), `finding the map ${name}`), {
      name,
      ...SHAPES[name],
    });
  const names = Object.keys(SHAPES) as MapName[];
  const maps = Object.fromEntries(names.map((name) => [name, open(name)])) as unknown as KernelMaps;
  const enforcer = new KernelEnforcer({
    // No program runs, so there is no task that one could have missed.
    library: { ...library, parapet_iterate: () => 0 },
    programs: { maps, adopt: -1, sysEnter: NOT_ATTACHED, inherited: false, remove: () => Promise.resolve(), unlock: () => undefined },
    support: { enforcer: 'BPF-LSM', problems: [], kernel: 'this one', missingHooks: [] },
  });
  return {
    enforcer,
    maps,
    wordOf: (cgroup) => wordOf(maps, cgroup),
    close: () => library.bpf_object__close(object),
  };
}

function wordOf(maps: KernelMaps, cgroup: bigint): bigint | undefined {
  const key = Buffer.alloc(8);
  key.writeBigUInt64LE(cgroup);
  const index = maps.cgroups.get(key);
  const word = index === undefined ? undefined : maps.containers.get(index);
  if (word !== undefined && word.length !== LAYOUT.container.size) throw new Error('the word of a container has another size');
  return word === undefined ? undefined : Buffer.from(word).readBigUInt64LE();
}
