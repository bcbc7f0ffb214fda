/**
 * Instructions of the kernel programs, run by run. The guest's clock counts instructions (icount), so the kernel's own statistics about
 * BPF programs are instructions, the same on every host and under every load.
 */
import path from 'node:path';
import { guestProgram, outputOf } from '../support/vm/index.ts';
import { SCENES } from './hooks/plan.ts';
import { row } from './row.ts';
import type { Row } from './row.ts';

const INSTRUCTIONS = 'instructions';
/** The kernel keeps so many characters of a program's name. */
const KERNEL_NAME = 15;

interface Reading {
  /** Of the whole loop. */
  nanoseconds: number;
  readonly programs: Map<string, { runs: number; nanoseconds: number }>;
}

/** Readings by scene and by the loop's place in it. */
type Readings = Map<string, Reading[]>;

function parse(output: string): Readings {
  const readings: Readings = new Map();
  for (const line of output.split('\n')) {
    const [scene, words] = line.split(' | ');
    const [kind, index, ...rest] = words?.split(' ') ?? [];
    if (scene === undefined || index === undefined || (kind !== 'loop' && kind !== 'program')) continue;
    const loops = readings.get(scene) ?? [];
    readings.set(scene, loops);
    const reading = (loops[Number(index)] ??= { nanoseconds: 0, programs: new Map() });
    if (kind === 'loop') reading.nanoseconds = Number(rest[0]);
    else reading.programs.set(rest[0]!, { runs: Number(rest[1]), nanoseconds: Number(rest[2]) });
  }
  return readings;
}

/** Looks readings up by names, and takes the statistics' own cost off. */
class Figures {
  readonly #readings: Readings;
  /** What the statistics cost at each run: the empty program's figure. */
  readonly overhead: number;

  constructor(readings: Readings) {
    this.#readings = readings;
    const empty = readings.get('empty')?.[0]?.programs.get('on_nothing');
    if (empty === undefined || empty.runs === 0) throw new Error('the empty program did not run');
    this.overhead = empty.nanoseconds / empty.runs;
  }

  reading(scene: string, loop: string): { reading: Reading; times: number } {
    const planned = SCENES.find(({ name }) => name === scene) ?? SCENES[0]!;
    const index = planned.loops.findIndex(({ name }) => name === loop);
    const reading = this.#readings.get(scene)?.[index];
    if (reading === undefined) throw new Error(`no reading of ${loop} in ${scene}`);
    return { reading, times: planned.loops[index]!.times };
  }

  /** Instructions of one run of each of these programs, added up, without the statistics' own. */
  perRun(scene: string, loop: string, programs: readonly string[]): number {
    const { reading, times } = this.reading(scene, loop);
    return programs.reduce((sum, program) => {
      const seen = reading.programs.get(program.slice(0, KERNEL_NAME));
      // half of the capability calls need none, and everything else runs at each call
      if (seen === undefined || seen.runs < times / 2) throw new Error(`${program} ran ${seen?.runs ?? 0} times in ${loop} in ${scene}`);
      return sum + seen.nanoseconds / seen.runs - this.overhead;
    }, 0);
  }

  /** Instructions of all programs for one call. A program that ran for one call in ten or fewer ran for other tasks of the machine. */
  perCall(scene: string, loop: string): number {
    const { reading, times } = this.reading(scene, loop);
    let sum = 0;
    for (const { runs, nanoseconds } of reading.programs.values()) if (runs > times / 10) sum += nanoseconds - runs * this.overhead;
    return sum / times;
  }

  /** How much longer a call takes than without the programs; the statistics are off. */
  ratio(loop: string): number {
    return this.reading('enforced', loop).reading.nanoseconds / this.reading('unattached', loop).reading.nanoseconds;
  }
}

const OPEN = ['on_file_open'];

/** What one line of the table measures: one run of each of the programs. */
const SINGLE: readonly (readonly [name: string, scene: string, loop: string, programs: readonly string[], atMost?: number])[] = [
  ['open at 7 components', 'tmpfs', 'open at 7', OPEN, 3000],
  ['open at 11 components', 'tmpfs', 'open at 11', OPEN, 3600],
  ['open at 7 components, five of them in a rule', 'tmpfs', 'open at 7, sharing 5', OPEN],
  ['exec: check and commit', 'tmpfs', 'exec', ['on_exec', 'on_executed'], 4000],
  ['fork and exit of a process with a label', 'tmpfs', 'exec', ['on_task_alloc', 'on_fork', 'on_exit']],
  ['socket: create and connect, under rules for protocols', 'tmpfs', 'connect', ['on_socket_create', 'on_socket_connect']],
  ['socket: create and connect, under rules for addresses', 'addresses', 'connect', ['on_socket_create', 'on_socket_connect'], 1500],
  ['capable', 'tmpfs', 'capable', ['on_capable'], 300],
  ['open, container without rules', 'no rules', 'open at 7', OPEN, 350],
  ['open, task of no container', 'no container', 'open at 7', OPEN, 350],
];

function rowsOf(figures: Figures): Row[] {
  const rows = [row("the statistics' own cost, taken off every figure below", [figures.overhead, INSTRUCTIONS])];
  for (const [name, scene, loop, programs, atMost] of SINGLE) {
    const value = Math.round(figures.perRun(scene, loop, programs));
    rows.push(row(name, [value, INSTRUCTIONS], atMost === undefined ? {} : { atMost }));
  }
  // overlayfs opens twice: the inner open is not judged
  for (const loop of ['open at 7', 'open at 11']) {
    rows.push(row(`${loop} components, overlay: all programs for one call`, [Math.round(figures.perCall('overlay', loop)), INSTRUCTIONS]));
  }
  rows.push(row('write: all programs for one call', [Math.round(figures.perCall('tmpfs', 'write')), INSTRUCTIONS], { atMost: 0 }));
  const first = figures.perRun('10 rules', 'open at 7', OPEN);
  for (const scene of ['10 rules', '100 rules', '1000 rules', '10000 rules']) {
    const value = Math.round(figures.perRun(scene, 'open at 7', OPEN));
    rows.push(
      row(`open at 7 components under ${scene}`, [value, INSTRUCTIONS], scene === '10 rules' ? {} : { atMost: Math.round(first * 1.1) }),
    );
  }
  for (const { name } of SCENES[0]!.loops)
    rows.push(row(`${name}: whole system call, against without our programs`, [figures.ratio(name), 'times']));
  return rows;
}

/** Boots a machine whose clock counts instructions, and measures there. */
export async function measureHooks(say: (sentence: string) => void): Promise<Row[]> {
  say('counting instructions in a microVM');
  const command = guestProgram(path.join(import.meta.dirname, 'hooks/guest.ts'));
  const output = await outputOf({ command, containerd: false, icount: true, timeout: 1800, onProgress: say });
  return rowsOf(new Figures(parse(output)));
}
