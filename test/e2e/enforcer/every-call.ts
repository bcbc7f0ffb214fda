/** Every system call that has a name, made once by each entry and told. */
import path from 'node:path';
import { decodeEvent } from '@parapet/policy';
import type { Enforcer } from '../../../agent/src/ports.ts';
import { SYSCALLS, syscallNumbers, syscallText } from '../../../policy/src/syscall.ts';
import { policyOf, syscallRule } from '../../unit/policy/builders.ts';
import { HOME } from './paths.ts';
import { fact, makeCgroup, run, start, tableOf } from './stage.ts';
import type { Events } from './stage.ts';

const PROGRAM = `${HOME}/bin/every-call`;
/** They end the program that makes them, make it two, or wait for a signal; among 32-bit entries so does sigsuspend(2), which counts as rt_sigsuspend. */
const LEFT_OUT = ['exit', 'exit_group', 'fork', 'vfork', 'pause', 'rt_sigreturn'];
const SIGSUSPEND_32 = 72;

/** Each call must be told once more than by a run of the same program that makes none: a program makes some by itself. */
export async function everyCall(enforcer: Enforcer, events: Events): Promise<void> {
  await run('cc', ['-O2', '-static', '-o', PROGRAM, path.resolve('test/e2e/enforcer/every-call.c')]);
  const id = makeCgroup('calling');
  await enforcer.enforce(id, tableOf([policyOf(syscallRule(SYSCALLS))]));
  const numbers = SYSCALLS.filter((name) => !LEFT_OUT.includes(name)).map((name) => syscallNumbers(name));
  const native = numbers.flatMap((all) => all?.native ?? []);
  const compat = numbers.flatMap((all) => all?.compat ?? []).filter((number) => number !== SIGSUSPEND_32);
  await events.take();
  const before = await toldBy([], events);
  const told = await toldBy([...native, '-', ...compat].map(String), events);
  const made = new Set([...native.map((number) => `${number} false`), ...compat.map((number) => `${number} true`)]);
  const wrong = [...new Set([...made, ...told.keys()])].filter((call) => {
    const more = (told.get(call) ?? 0) - (before.get(call) ?? 0);
    return more !== (made.has(call) ? 1 : 0);
  });
  fact('every call', 'made', made.size);
  fact('every call', 'not told exactly once', wrong.map((call) => `${nameOf(call)} ${told.get(call) ?? 0}`).join(', '));
  await enforcer.release(id);
}

/** How often each call was told while the program ran, by its number and entry. */
async function toldBy(words: readonly string[], events: Events): Promise<Map<string, number>> {
  await start('calling', PROGRAM, words).ended;
  const counts = new Map<string, number>();
  for (const event of await events.take()) {
    const { section, detail } = decodeEvent(event.header);
    const call = `${detail[0]} ${detail[1] !== 0}`;
    if (section === 'syscalls') counts.set(call, (counts.get(call) ?? 0) + event.count);
  }
  return counts;
}

function nameOf(call: string): string {
  const [number, compat] = call.split(' ');
  return `${call} ${syscallText(Number(number), compat === 'true')}`;
}
