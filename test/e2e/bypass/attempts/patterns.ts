/** Rules that are patterns, and names of programs. */
import { assisted, attempts, HOME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const KEY = `${HOME}/fake/x.key`;
const MAKE_KEY = `copy ${HOME}/secret ${KEY}`;
const TOOL = `${HOME}/tools/sub/tool`;

export const PATTERNS: readonly Attempt[] = [
  ...assisted('patterns', 'patterns', [
    ['a file that a pattern blocks', MAKE_KEY, '--', `open openat ${KEY}`],
    ['a file that a pattern blocks, by ..', MAKE_KEY, '--', `open openat ${HOME}/flat/../fake/x.key`],
    ['a file that a pattern blocks, by a symbolic link', MAKE_KEY, '--', `link symlink ${KEY} ${HOME}/y`, `open openat ${HOME}/y`],
    ['a file that a pattern blocks, renamed', MAKE_KEY, '--', `rename rename ${KEY} ${HOME}/y`, `open openat ${HOME}/y`],
    ['a file that a pattern blocks, linked', MAKE_KEY, '--', `link link ${KEY} ${HOME}/y`, `open openat ${HOME}/y`],
    ['a file that a pattern blocks, exchanged', MAKE_KEY, '--', `rename exchange ${KEY} ${HOME}/plain`, `open openat ${HOME}/plain`],
    ['a file that a pattern blocks, after chroot', MAKE_KEY, '--', `chroot ${HOME}/fake`, 'open openat /x.key'],
    ['a file that a pattern blocks, by io_uring', MAKE_KEY, '--', `uring worker openat ${KEY}`],
    ['a file that a pattern blocks, by int 0x80', MAKE_KEY, '--', `i386 openat ${KEY}`],
    ['a new file that a pattern blocks', '--', `make file ${KEY}`],
    ['a file that takes a name that a pattern blocks', '--', `rename rename ${HOME}/plain ${KEY}`],
    [
      'a file that a pattern blocks, far below',
      `make directory ${HOME}/fake/a`,
      `copy ${HOME}/secret ${HOME}/fake/a/x.key`,
      '--',
      `open openat ${HOME}/fake/a/x.key`,
    ],
  ]),
  ...attempts('names of programs', 'patterns', [
    ['a program blocked by its name', `exec execve ${TOOL}`],
    ['a program blocked by its name, from its directory', `chdir ${HOME}/tools/sub`, 'exec execve ./tool'],
    ['a program blocked by its name, by a descriptor', `exec descriptor ${TOOL}`],
    ['a program blocked by its name, by a symbolic link', `link symlink ${TOOL} ${HOME}/y`, `exec execve ${HOME}/y`],
    ['a program blocked by its name, renamed', `rename rename ${TOOL} ${HOME}/y`, `exec execve ${HOME}/y`],
    ['a program blocked by its name, linked', `link link ${TOOL} ${HOME}/y`, `exec execve ${HOME}/y`],
    ['a program blocked by its name, after chroot', `chroot ${HOME}/tools/sub`, 'exec execve /tool'],
    ['a program copied to a blocked name', `copy ${HOME}/bin/free ${HOME}/tool`, `exec execve ${HOME}/tool`],
  ]),
];
