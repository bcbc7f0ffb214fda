/** The kernel's event path without hooks: bpf/event_test.bpf.c makes up denials, the agent's own code takes them. As root. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { VERDICT } from '@parapet/policy';
import type { CounterName } from '@parapet/policy';
import { readCounters } from '../../agent/src/adapters/kernel/counters.ts';
import { checked, isNull, openLibrary } from '../../agent/src/adapters/kernel/library.ts';
import type { Handle, KernelLibrary } from '../../agent/src/adapters/kernel/library.ts';
import { KernelMap, word } from '../../agent/src/adapters/kernel/map.ts';
import { EventPump } from '../../agent/src/adapters/kernel/pump.ts';
import type { EventMaps } from '../../agent/src/adapters/kernel/pump.ts';
import { testRun, testRunAside } from './test-run.ts';

const BUILD = path.join(import.meta.dirname, '../../bpf/build');

/** `count` denials (or audits) in a row, at nodes and with details in turn. */
export interface Burst {
  readonly count: number;
  readonly container?: number;
  readonly firstNode?: number;
  readonly nodes?: number;
  readonly details?: number;
  readonly audit?: boolean;
  /** Descriptors of this process, from the first one on: what was accessed, in turn. Default: its program. */
  readonly files?: Row;
  /** How many operations in turn, from reading on. */
  readonly operations?: number;
  /** Descriptors of this process: the program that acted, in turn. Default: the one that runs. */
  readonly programs?: Row;
}

interface Row {
  readonly first: number;
  readonly count: number;
}

export class EventTrials {
  readonly pump: EventPump;
  readonly maps: EventMaps;
  readonly #library: KernelLibrary;
  readonly #object: Handle;

  constructor(bpfDirectory = BUILD) {
    if (process.getuid?.() !== 0) throw new Error('this runs programs in the kernel: run it as root');
    this.#library = openLibrary(bpfDirectory);
    const error = Buffer.alloc(4);
    this.#object = this.#library.parapet_load(path.join(bpfDirectory, 'event_test.bpf.o'), '', null, error);
    if (isNull(this.#object))
      throw new Error(`the kernel refuses the event path (${error.readInt32LE()}):\n${this.#library.parapet_messages()}`);
    const [events, counters, tallies, talliesA, talliesB] = ['events', 'counters', 'tallies', 'tallies_a', 'tallies_b'].map((name) =>
      this.#map(name),
    ) as [number, number, number, number, number];
    this.maps = { events, counters, tallies, talliesA, talliesB };
    this.pump = new EventPump(this.#library, this.maps);
  }

  /** Makes them happen; how many did. */
  run(burst: Burst): number {
    return testRun(this.#library, { object: this.#object, program: 'emit_events', args: argumentsOf(burst) });
  }

  /** The same in a thread of its own. */
  runAside(burst: Burst): Promise<number> {
    return testRunAside(this.#library, { object: this.#object, program: 'emit_events', args: argumentsOf(burst) });
  }

  /** Every slot of working memory is somebody's from now on: `busy` is a slot's first word. */
  occupyScratch(): void {
    const fd = this.#map('scratch');
    const fact = (name: string): number =>
      Number(new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1]);
    const [valueSize, slots] = [fact('value_size'), fact('max_entries')];
    const scratch = new KernelMap(this.#library, fd, { name: 'scratch', keySize: 4, valueSize });
    const busy = Buffer.alloc(valueSize);
    busy.writeUInt32LE(1);
    for (let slot = 0; slot < slots; slot += 1) scratch.set(word(slot), busy);
  }

  counters(): Readonly<Record<CounterName, number>> {
    return readCounters(this.#library, this.#map('counters'));
  }

  close(): void {
    this.pump.close();
    this.#library.bpf_object__close(this.#object);
  }

  #map(name: string): number {
    return checked(this.#library.bpf_object__find_map_fd_by_name(this.#object, name), name);
  }
}

const NO_ROW: Row = { first: 0, count: 0 };

function argumentsOf({ count, files = NO_ROW, programs = NO_ROW, ...burst }: Burst): number[] {
  const { container = 1, firstNode = 1, nodes = 1, details = 1, operations = 1, audit = false } = burst;
  const rule = [container, firstNode, nodes, details, audit ? VERDICT.audit : VERDICT.block];
  return [count, ...rule, files.first, files.count, operations, programs.first, programs.count];
}
