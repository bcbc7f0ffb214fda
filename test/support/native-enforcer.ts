/**
 * The enforcer over this machine's own kernel maps, with nothing attached: what a swap does to the maps, and what it costs, without a
 * virtual machine. Needs root.
 */
import path from 'node:path';
import { LAYOUT, VERDICT } from '@parapet/policy';
import type { Access } from '@parapet/policy';
import { KernelEnforcer } from '../../agent/src/adapters/kernel/enforcer.ts';
import { checked, isNull, openLibrary } from '../../agent/src/adapters/kernel/library.ts';
import { KernelMap, word } from '../../agent/src/adapters/kernel/map.ts';
import { SHAPES } from '../../agent/src/adapters/kernel/programs.ts';
import type { KernelMaps, MapName } from '../../agent/src/adapters/kernel/programs.ts';
import { createSmallMap } from './small-map.ts';
import { testRun, testRunAside } from './test-run.ts';
import { encodeTrial, TRIAL } from './trial.ts';

const BUILD = path.join(import.meta.dirname, '../../bpf/build');

/** No program runs at system calls either. */
const NOT_ATTACHED = { attached: false, attach: () => undefined, detach: () => undefined };

/** What a run of `watch` saw. */
export interface Watched {
  /** Swaps that were met for the first time. */
  readonly changes: number;
  /** Verdicts that were not those of the table that was in force. */
  readonly wrong: number;
  /** How often a container was as before although one that is turned after it was not. */
  readonly disorder: number;
}

export interface NativeEnforcer {
  readonly enforcer: KernelEnforcer;
  readonly maps: KernelMaps;
  /** What the matcher says in a container, by the table that it is turned to. */
  judge(cgroup: bigint, accesses: readonly Access[]): (keyof typeof VERDICT)[];
  /** Sees to it that `watch` judges this access in the container with this number, and what it is to say after even and odd swaps. */
  prepareWatch(number: number, access: Access, expected: readonly [keyof typeof VERDICT, keyof typeof VERDICT]): void;
  /** Judges in containers 1 to `containers` again and again, in a thread of its own; `base`: the generation of the first one after swap 0. */
  watch(containers: number, base: number, rounds: number): Promise<Watched>;
  /** The word of a cgroup's container, as the kernel's programs would read it; undefined where none is known. */
  wordOf(cgroup: bigint): bigint | undefined;
  close(): void;
}

/** Opens maps of its own, which are gone with `close`. `rooms`: of these maps, with so many entries. */
export function openNativeEnforcer(rooms: Partial<Record<MapName, number>> = {}): NativeEnforcer {
  const library = openLibrary(BUILD);
  const error = Buffer.alloc(4);
  const object = library.parapet_load(path.join(BUILD, 'match_test.bpf.o'), '', null, error);
  if (isNull(object)) throw new Error(`the kernel refuses the maps (${error.readInt32LE()}): ${library.parapet_messages()}`);
  const small: number[] = [];
  const descriptorOf = (name: MapName): number => {
    const entries = rooms[name];
    if (entries === undefined) return checked(library.bpf_object__find_map_fd_by_name(object, name), `finding the map ${name}`);
    const descriptor = createSmallMap(name === 'endpoints' ? 'trie' : 'hash', { ...SHAPES[name], entries });
    small.push(descriptor);
    return descriptor;
  };
  const open = (name: MapName): KernelMap => new KernelMap(library, descriptorOf(name), { name, ...SHAPES[name] });
  const names = Object.keys(SHAPES) as MapName[];
  const maps = Object.fromEntries(names.map((name) => [name, open(name)])) as unknown as KernelMaps;
  const enforcer = new KernelEnforcer({
    // No program runs, so there is no task that one could have missed.
    library: { ...library, parapet_iterate: () => 0 },
    programs: {
      pins: '',
      maps,
      adopt: -1,
      sysEnter: NOT_ATTACHED,
      inherited: false,
      takeOver: () => Promise.resolve([]),
      remove: () => Promise.resolve(),
      unlock: () => undefined,
    },
    support: { enforcer: 'BPF-LSM', problems: [], kernel: 'this one', missingHooks: [] },
    bpfDirectory: BUILD,
  });
  const trials = new KernelMap(library, checked(library.bpf_object__find_map_fd_by_name(object, 'trials'), 'finding the trials'), {
    name: 'trials',
    keySize: 4,
    valueSize: TRIAL.size,
  });
  const resultOf = (number: number): Buffer => Buffer.from(trials.get(word(number)) ?? []);
  return {
    enforcer,
    maps,
    wordOf: (cgroup) => wordOf(maps, cgroup),
    judge: (cgroup, accesses) => {
      const slot = Number((wordOf(maps, cgroup) ?? 0n) & 0xffff_ffffn);
      accesses.forEach((access, i) => trials.set(word(i), encodeTrial(access, { slot })));
      testRun(library, { object, program: 'judge_trials', args: [accesses.length] });
      return accesses.map((_, i) => VERDICTS[resultOf(i).readUInt32LE(TRIAL.verdict)]!);
    },
    prepareWatch: (number, access, expected) => {
      const bytes = encodeTrial(access, { slot: 0 });
      expected.forEach((verdict, i) => bytes.writeUInt32LE(VERDICT[verdict], TRIAL.expected + i * 4));
      trials.set(word(number - 1), bytes);
    },
    watch: async (containers, base, rounds) => {
      const changes = await testRunAside(library, { object, program: 'watch_containers', args: [containers, base, rounds] });
      const told = resultOf(containers);
      return { changes, wrong: told.readUInt32LE(TRIAL.verdict), disorder: told.readUInt32LE(TRIAL.site) };
    },
    close: () => {
      library.bpf_object__close(object);
      for (const descriptor of small) library.close(descriptor);
    },
  };
}

const VERDICTS = Object.keys(VERDICT) as (keyof typeof VERDICT)[];

function wordOf(maps: KernelMaps, cgroup: bigint): bigint | undefined {
  const key = Buffer.alloc(8);
  key.writeBigUInt64LE(cgroup);
  const index = maps.cgroups.get(key);
  const word = index === undefined ? undefined : maps.containers.get(index);
  if (word !== undefined && word.length !== LAYOUT.container.size) throw new Error('the word of a container has another size');
  return word === undefined ? undefined : Buffer.from(word).readBigUInt64LE();
}
