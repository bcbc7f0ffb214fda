/** Running a program that must not run, in every way that a program can be started. */
import { ACTOR, assisted, attempts, HOME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const BLOCKED = `${HOME}/bin/blocked`;
const FREE = `${HOME}/bin/free`;
/** On a file system without layers, where deep trees are quickly made. */
const LISTED = `${HOME}/flat-fs/listed`;
const SECRET = `${HOME}/secret`;

const WAYS: Readonly<Record<string, string>> = {
  execve: 'execve',
  execveat: 'execveat',
  'execveat with AT_SYMLINK_NOFOLLOW': 'execveat-no-follow',
  'execveat of an O_PATH descriptor': 'descriptor',
  'execveat of a readable descriptor': 'readable-descriptor',
  'its descriptor in /proc/self/fd': 'proc-fd',
  'its descriptor in /dev/fd': 'dev-fd',
  'execve in a thread': 'thread',
  posix_spawn: 'spawn',
  'execve under the name of another program': 'other-name',
};

const row = (name: string, ...steps: string[]): [string, ...string[]] => [name, ...steps];

/** Programs that this actor becomes; the label must go with it each time. */
const BECOMING: Readonly<Record<string, string>> = {
  'another copy of itself': `exec execve ${FREE}`,
  'another program, from a thread': `exec thread ${FREE}`,
  'a program in memory': `exec memory ${FREE}`,
  'a program whose file is deleted': `exec deleted ${FREE}`,
  'a spawned program': `exec spawn ${FREE}`,
  'a program in /proc/self/fd': `exec proc-fd ${FREE}`,
  '/proc/self/exe': 'exec execve /proc/self/exe',
};

export const EXECUTING: readonly Attempt[] = [
  ...attempts(
    'executing',
    'block',
    Object.entries(WAYS).map(([how, word]) => row(`a blocked program by ${how}`, `exec ${word} ${BLOCKED}`)),
  ),
  ...attempts('executing', 'block', [
    ['a blocked program by a symbolic link', `exec execve ${HOME}/link-to-blocked`],
    ['a blocked program by a path with .. in it', `exec execve ${HOME}/flat/../bin/./blocked`],
    ['a blocked program by /proc/self/root', `exec execve /proc/self/root${BLOCKED}`],
    ['a blocked program by its name, from its directory', `chdir ${HOME}/bin`, 'exec execve ./blocked'],
    ['a blocked program as the interpreter of a script', `exec execve ${HOME}/script`],
    ['a blocked program as the interpreter of a script that is an interpreter', `exec execve ${HOME}/script-of-script`],
    ['a blocked program below a directory of blocked ones', `exec execve ${HOME}/tools/sub/tool`],
    ['a blocked program after chroot', `chroot ${HOME}/bin`, 'exec execve /blocked'],
    ['a blocked program by a child of vfork', 'clone vfork', `exec execve ${BLOCKED}`],
    ['a blocked program by a child that shares memory', 'clone memory', `exec execve ${BLOCKED}`],
    ['a blocked program by an orphan', 'orphan', `exec execve ${BLOCKED}`],
    ['a blocked program by a traced child', 'traced', `exec execve ${BLOCKED}`],
    ['a blocked program by a thread whose leader has ended', 'leaderless', `exec execve ${BLOCKED}`],
    ['a blocked program by another user', 'user 1000', `exec execve ${BLOCKED}`],
    ['a blocked program in a new mount namespace', 'unshare mount', `exec execve ${BLOCKED}`],
  ]),
  ...assisted('executing', 'block', [
    ['a blocked program by a descriptor of the runtime', `hold path ${BLOCKED}`, '--', `exec held ${BLOCKED}`],
    ['a blocked program from a directory of the runtime', `hold openat ${HOME}/bin`, '--', 'exec-at-held blocked'],
  ]),
  ...attempts(
    'after an exec',
    'block',
    Object.entries(BECOMING).map(([what, step]) => row(`a blocked file, opened by ${what}`, step, `open openat ${SECRET}`)),
  ),
  ...attempts(
    'after an exec',
    'block',
    Object.entries(BECOMING).map(([what, step]) => row(`a blocked program, executed by ${what}`, step, `exec execve ${BLOCKED}`)),
  ),
  ...attempts('allow-list of programs', 'allow', [
    ['a program that is not listed', `exec execve ${FREE}`],
    ['a program called e', `exec execve ${HOME}/e`],
    ['a program called f', `exec execve ${HOME}/f`],
    ['a program called g, from its directory', `chdir ${HOME}`, 'exec execve ./g'],
    ['a program from memory', `exec memory ${ACTOR}`],
    ['a program whose file is deleted', `copy ${ACTOR} /dev/shm/gone`, 'exec deleted /dev/shm/gone'],
    ['a copy of a listed program', `exec execve ${HOME}/bin/other`],
    ['a symbolic link from a listed directory', `exec execve /proc/self/root${HOME}/link-to-blocked`],
    ['a script in a listed directory whose interpreter is not listed', `exec execve ${HOME}/allowed/script`],
    ['a program that is not listed, after chroot to look like one that is', `chroot ${HOME}/source-root`, `exec execve ${ACTOR}`],
  ]),
  ...assisted('allow-list of files', 'allow', [
    [
      'a listed directory, at a depth that cannot be judged',
      `make directory ${LISTED}`,
      '--',
      `deep 2100 ${LISTED}`,
      'copy /proc/version x',
    ],
  ]),
  ...attempts('allow-list of files', 'allow', [
    ['a file that is not listed', `open openat ${HOME}/outside`],
    ['a file that is not listed, by ..', `open openat ${HOME}/allowed/../outside`],
    ['a file that is not listed, by a thread', 'thread', `open openat ${HOME}/outside`],
    ['a file that is not listed, after chroot to look like one that is', `chroot ${HOME}`, 'open openat /outside'],
    ['a file that is not listed, by a program in a child', 'fork', `exec execve ${ACTOR}`, `open openat ${HOME}/outside`],
  ]),
];
