/** System calls on paths under the real hooks: each is told once, with its name and the path that it acts on. */
import type { Group } from './cases.ts';
import { ACTOR, HOME } from './paths.ts';
import { fileRule, policyOf, syscallPathRule } from '../../unit/policy/builders.ts';

const CHANGES = ['openat', 'mknod', 'mkdir', 'rmdir', 'unlink', 'link', 'symlink', 'rename', 'renameat2', 'chown', 'truncate', 'ftruncate'];

export const CALL_GROUPS: readonly Group[] = [
  {
    name: 'calls on paths',
    policies: [
      policyOf(
        syscallPathRule(`${HOME}/secret`, ['openat', 'chmod']),
        syscallPathRule(`${HOME}/flat/`, CHANGES),
        syscallPathRule(`${HOME}/bin/**`, ['execve', 'execveat']),
        syscallPathRule(`${HOME}/script`, ['execve']),
        syscallPathRule(`${HOME}/by-other`, ['openat'], { from: [`${HOME}/bin/other`] }),
        syscallPathRule(`${HOME}/owned`, ['openat']),
        fileRule(`${HOME}/owned`),
      ),
    ],
    tries: [
      [`read ${HOME}/secret`, '0'],
      [`read ${HOME}/link-to-secret`, '0'],
      [`read ${HOME}/plain`, '0'],
      [`chmod ${HOME}/secret`, '0'],
      [`truncate ${HOME}/secret`, '0'],
      [`read ${HOME}/flat`, '0'],
      [`read ${HOME}/flat/sub/file`, '0'],
      [`mkdir ${HOME}/flat/new`, '0'],
      [`rmdir ${HOME}/flat/new`, '0'],
      [`create ${HOME}/flat/made`, '0'],
      [`empty ${HOME}/flat/made`, '0'],
      [`truncate ${HOME}/flat/made`, '0'],
      [`chown ${HOME}/flat/made`, '0'],
      [`link ${HOME}/flat/made ${HOME}/alias`, '0'],
      [`symlink /etc ${HOME}/flat/symlink`, '0'],
      [`rename ${HOME}/flat/made ${HOME}/flat/moved`, '0'],
      [`rename ${HOME}/flat/moved ${HOME}/outside`, '0'],
      [`rename ${HOME}/outside ${HOME}/flat/back`, '0'],
      [`exchange ${HOME}/flat/back ${HOME}/alias`, '0'],
      [`unlink ${HOME}/flat/back`, '0'],
      [`unlink ${HOME}/flat/symlink`, '0'],
      [`unlink ${HOME}/alias`, '0'],
      [`exec ${HOME}/bin/free`, '0'],
      [`exec ${HOME}/script`, 'ENOSYS'], // no command of the actor that interprets it
      [`exec-memory ${HOME}/bin/free`, '0'],
      [`read ${HOME}/by-other`, '0'],
      [`exec ${HOME}/bin/other read+${HOME}/by-other`, '0'],
      [`read ${HOME}/owned`, 'EACCES'],
    ],
  },
];

/** What the group's events say, each of which comes once. */
export const CALLS_TOLD: readonly string[] = [
  `audit syscalls  execve ${ACTOR} <- /usr/bin/bash <- NODE [syscalls]`, // how it comes in
  `audit syscalls  openat ${HOME}/secret <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  openat ${HOME}/secret <- ${ACTOR} <- NODE [syscalls]`, // by the link
  `audit syscalls  chmod ${HOME}/secret <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  openat ${HOME}/flat <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  mkdir ${HOME}/flat/new <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  rmdir ${HOME}/flat/new <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  openat ${HOME}/flat/made <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  openat ${HOME}/flat/made <- ${ACTOR} <- NODE [syscalls]`, // which empties it
  `audit syscalls  truncate ${HOME}/flat/made <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  chown ${HOME}/flat/made <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  link ${HOME}/flat/made <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  symlink ${HOME}/flat/symlink <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  rename ${HOME}/flat/made <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  rename ${HOME}/flat/moved <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  rename ${HOME}/flat/back <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  renameat2 ${HOME}/flat/back <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  unlink ${HOME}/flat/back <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  unlink ${HOME}/flat/symlink <- ${ACTOR} <- NODE [syscalls]`,
  `audit syscalls  execve ${HOME}/bin/free <- ${ACTOR} <- ${ACTOR} [syscalls]`,
  `audit syscalls  execve ${HOME}/script <- ${ACTOR} <- ${ACTOR} [syscalls]`,
  `audit syscalls  execve ${HOME}/bin/other <- ${ACTOR} <- ${ACTOR} [syscalls]`,
  `audit syscalls  openat ${HOME}/by-other <- ${HOME}/bin/other <- ${ACTOR} [syscalls]`,
  `audit syscalls  openat ${HOME}/owned <- ${ACTOR} <- NODE [syscalls]`,
  `block file read ${HOME}/owned <- ${ACTOR} <- NODE [file]`,
];
