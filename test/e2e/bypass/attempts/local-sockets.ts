/** Reaching a server by its socket in the file system, whose file is never opened. */
import { assisted, HOME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const SOCKET = `${HOME}/socket`;

export const LOCAL_SOCKETS: readonly Attempt[] = assisted('local sockets', 'block', [
  ['a blocked socket connected to', `serve ${SOCKET} 1`, '--', `call connect ${SOCKET} 1`],
  ['a blocked socket connected to, for packets', `serve ${SOCKET} 5`, '--', `call connect ${SOCKET} 5`],
  ['a blocked socket sent to', `serve ${SOCKET} 2`, '--', `call send ${SOCKET} 2`],
  ['a blocked socket connected to, for datagrams', `serve ${SOCKET} 2`, '--', `call connect ${SOCKET} 2`],
  [
    'a blocked socket by a symbolic link',
    `serve ${SOCKET} 1`,
    `link symlink socket ${HOME}/link-to-socket`,
    '--',
    `call connect ${HOME}/link-to-socket 1`,
  ],
  ['a blocked socket by /proc/self/root', `serve ${SOCKET} 1`, '--', `call connect /proc/self/root${SOCKET} 1`],
  ['a blocked socket by its name, from its directory', `serve ${SOCKET} 1`, '--', `chdir ${HOME}`, 'call connect socket 1'],
  ['a blocked socket renamed', `serve ${SOCKET} 1`, '--', `rename rename ${SOCKET} ${HOME}/x`, `call connect ${HOME}/x 1`],
  ['a blocked socket linked', `serve ${SOCKET} 1`, '--', `link link ${SOCKET} ${HOME}/x`, `call connect ${HOME}/x 1`],
  ['a blocked socket in a net namespace of its own', `serve ${SOCKET} 1`, '--', 'unshare net', `call connect ${SOCKET} 1`],
  ['a blocked socket after chroot', `serve ${SOCKET} 1`, '--', `chroot ${HOME}`, 'call connect /socket 1'],
  [
    'a blocked socket by a thread outside the cgroup',
    `serve ${SOCKET} 1`,
    '--',
    'move /sys/fs/cgroup',
    'thread',
    `call connect ${SOCKET} 1`,
  ],
  ['a blocked socket by another user', `serve ${SOCKET} 2`, `change chmod ${SOCKET}`, '--', 'user 1000', `call send ${SOCKET} 2`],
]);
