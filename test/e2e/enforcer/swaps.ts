/** Tables are swapped under tasks that run. */
import { fileRule, endpointRule, networkRule, pathRule, policyOf } from '../../unit/policy/builders.ts';
import type { Enforcer } from '../../../agent/src/ports.ts';
import { ACTOR, HOME } from './paths.ts';
import { act, fact, makeCgroup, read, tableOf } from './stage.ts';

const SECONDS = 4;
const secretTable = tableOf([policyOf(fileRule(`${HOME}/secret`))]);
const plainTable = tableOf([policyOf(fileRule(`${HOME}/plain`))]);
const bothTable = tableOf([policyOf(fileRule(`${HOME}/secret`), fileRule(`${HOME}/plain`))]);

const allow = { action: 'Allow' } as const;
const LISTED = [
  pathRule(ACTOR, allow),
  pathRule(`${HOME}/bin/free`, allow),
  fileRule(`${HOME}/plain`, allow),
  fileRule(`${HOME}/bin/**`, allow),
  networkRule('tcp', allow),
] as const;
const shortList = tableOf([policyOf(...LISTED)], 'block');
const MORE = [
  pathRule('/usr/bin/true', allow),
  fileRule('/etc/**', allow),
  endpointRule('10.0.0.0/8', { protocol: 'tcp' }, allow),
] as const;
const longList = tableOf([policyOf(...LISTED, ...MORE)], 'block');

/** What is done again and again under lists, by what must come of it each time. */
const UNDER_LISTS: Readonly<Record<string, readonly string[]>> = {
  'what is on both lists is never refused': [`read ${HOME}/plain`, `exec ${HOME}/bin/free`, 'tcp connect'],
  'what is on neither never passes': [`read ${HOME}/secret`, `exec ${HOME}/bin/blocked`, 'socket 2 2 0'],
};

/** A container obeys its new table, also tasks that run already; equal tables are one. */
export async function swapping(enforcer: Enforcer): Promise<void> {
  const [one, two] = [makeCgroup('one'), makeCgroup('two')];
  const first = await enforcer.enforce(one, secretTable);
  const second = await enforcer.enforce(two, secretTable);
  fact('swap', 'equal tables are stored once', first.nodeBase === second.nodeBase && first.tableHash === second.tableHash);
  fact('swap', 'before', `${await read('one', 'secret')} ${await read('one', 'plain')}`);
  await enforcer.enforce(one, plainTable);
  fact('swap', 'after', `${await read('one', 'secret')} ${await read('one', 'plain')}`);
  fact('swap', 'the other container', `${await read('two', 'secret')} ${await read('two', 'plain')}`);
  await enforcer.enforce(one, undefined);
  fact('swap', 'lifted', `${await read('one', 'secret')} ${await read('one', 'plain')}`);
  await enforcer.release(one);
  await enforcer.release(two);
}

/**
 * While tables alternate, each of several programs does one thing without pause: in one container under two tables that both block it, in another
 * under two allow-lists that both have it, or neither.
 */
export async function alternating(enforcer: Enforcer): Promise<void> {
  const [busy, listed] = [makeCgroup('busy'), makeCgroup('listed')];
  await enforcer.enforce(busy, bothTable);
  await enforcer.enforce(listed, longList);
  const often = (command: string): string => `often ${SECONDS} ${command}`;
  const runs = Object.entries(UNDER_LISTS).map(
    ([what, commands]) => [what, commands, commands.map((command) => act('listed', [often(command)]))] as const,
  );
  const reader = act('busy', [often(`read ${HOME}/secret`)]);
  let running = true;
  const ended = Promise.all([reader, ...runs.flatMap(([, , programs]) => programs)]).finally(() => (running = false));
  let swaps = 0;
  for (; running; swaps += 1) {
    await enforcer.enforce(busy, swaps % 2 === 0 ? secretTable : bothTable);
    await enforcer.enforce(listed, swaps % 2 === 0 ? shortList : longList);
  }
  await ended;
  fact('swap', 'a reader never gets through between two tables', (await reader).get(often(`read ${HOME}/secret`)));
  for (const [what, commands, programs] of runs) {
    const results = (await Promise.all(programs)).map((lines, index) => lines.get(often(commands[index] ?? '')));
    fact('swap', what, results.join(' '));
  }
  fact('swap', 'there were several', swaps > 2);
  await enforcer.release(busy);
  await enforcer.release(listed);
}
