/** What cannot be judged, because memory or room for it is taken away, is refused to a confined container, and counted. */
import { writeFileSync } from 'node:fs';
import { ABI } from '@parapet/policy';
import { openLibrary } from '../../../agent/src/adapters/kernel/library.ts';
import { KernelMap, longWord, readLongWord, word } from '../../../agent/src/adapters/kernel/map.ts';
import type { Enforcer } from '../../../agent/src/ports.ts';
import { capabilityRule, endpointRule, fileRule, pathRule, policyOf, switchRule } from '../../unit/policy/builders.ts';
import { ACTOR, DEEPER, HOME } from './paths.ts';
import { BUILD, fact, makeCgroup, read, run, start, tableOf, whenSaid } from './stage.ts';

const CGROUP = 'needy';
/** No process has so many labels; more than the kernel half has room for. */
const MANY_LABELS = 1n << 32n;

const ACCESSES = [
  `read ${HOME}/plain`,
  `read ${DEEPER}`,
  `read ${HOME}/secret`,
  `mkdir ${HOME}/needed`,
  `rmdir ${HOME}/needed`,
  `exec ${HOME}/bin/free`,
  'net connect 4 tcp 127.0.0.1 9',
  'hostname',
  'uring',
];

/** The phases: what is taken away, and what is counted because of it. */
const PHASES: readonly (readonly [what: string, counter: 'noScratch' | 'labelsFull', take: (maps: Maps) => () => void])[] = [
  ['with everything', 'noScratch', () => () => undefined],
  ['without working memory', 'noScratch', ({ scratch }) => occupy(scratch)],
  ['without working memory for deep paths', 'noScratch', ({ deep }) => occupy(deep)],
  ['without room for labels', 'labelsFull', ({ label_count: count }) => add(count)],
  ['with everything again', 'labelsFull', () => () => undefined],
];

interface Sized {
  readonly map: KernelMap;
  readonly valueSize: number;
  readonly entries: number;
}
type Maps = Readonly<Record<'scratch' | 'deep' | 'label_count', Sized>>;

async function openMaps(): Promise<Maps> {
  const library = openLibrary(BUILD);
  const open = async (name: string): Promise<Sized> => {
    const pin = `/sys/fs/bpf/parapet/v${ABI}/maps/${name}`;
    const { stdout } = await run('bpftool', ['map', 'show', 'pinned', pin, '-j']);
    const { bytes_value: valueSize, max_entries: entries } = JSON.parse(stdout) as { bytes_value: number; max_entries: number };
    return { map: new KernelMap(library, library.bpf_obj_get(pin), { name, keySize: 4, valueSize }), valueSize, entries };
  };
  return { scratch: await open('scratch'), deep: await open('deep'), label_count: await open('label_count') };
}

/** Marks every slot as taken, in its first word, while nobody uses one; what it returns frees them. */
function occupy({ map, valueSize, entries }: Sized): () => void {
  const keys = Buffer.concat(Array.from({ length: entries }, (_, slot) => word(slot)));
  const values = Buffer.alloc(entries * valueSize);
  for (let slot = 0; slot < entries; slot += 1) values.writeUInt32LE(1, slot * valueSize);
  map.setAll(keys, values);
  return () => map.setAll(keys, values.fill(0));
}

function add({ map }: Sized): () => void {
  const change = (by: bigint): void => map.set(word(0), longWord(readLongWord(map.get(word(0)) ?? longWord(0n)) + by));
  change(MANY_LABELS);
  return () => change(-MANY_LABELS);
}

/** An actor that was there before does the same in each phase, and another one comes in. */
export async function unjudged(enforcer: Enforcer): Promise<void> {
  const id = makeCgroup(CGROUP);
  const rules = [fileRule(`${HOME}/secret`), pathRule(`${HOME}/bin/blocked`), endpointRule('127.0.0.2/32')] as const;
  await enforcer.enforce(id, tableOf([policyOf(...rules, capabilityRule('sys_admin'), switchRule('ioUring'))]));
  const maps = await openMaps();
  for (const [what, counter, take] of PHASES) {
    const go = `${HOME}/go-${what.replaceAll(' ', '-')}`;
    const actor = start(CGROUP, ACTOR, [`wait ${HOME}/plain`, `wait ${go}`, ...ACCESSES]);
    await whenSaid(actor, `wait ${HOME}/plain`);
    const before = enforcer.counters();
    const giveBack = take(maps);
    writeFileSync(go, '');
    await actor.ended;
    const entering = await read(CGROUP, 'plain');
    giveBack();
    fact('unjudged', what, ACCESSES.map((command) => actor.said().get(command)).join(' '));
    fact('unjudged', `entering ${what}`, entering);
    fact('unjudged', `counted ${what}`, (enforcer.counters()[counter] ?? 0) > (before[counter] ?? 0));
  }
  await enforcer.release(id);
}
