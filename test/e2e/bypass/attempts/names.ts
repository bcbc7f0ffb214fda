/** Changing what is protected, and giving it another name. */
import { assisted, attempts, HOME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const SECRET = `${HOME}/secret`;
const FILE = `${HOME}/read-only/file`;
const BLOCKED = `${HOME}/bin/blocked`;
const ALIAS = `${HOME}/alias`;

/** A file system without layers, where whole directories can be renamed. */
const FLAT = `${HOME}/flat-fs`;
const MAKE_DEEP = [`make directory ${FLAT}/deep`, `make directory ${FLAT}/deep/a`, `copy ${SECRET} ${FLAT}/deep/a/c`];
const MAKE_INNER = [`make directory ${FLAT}/inner`, `make directory ${FLAT}/inner/dir`, `copy ${SECRET} ${FLAT}/inner/dir/secret`];
const MAKE_TOOLS = [`make directory ${FLAT}/tools`, `make directory ${FLAT}/tools/sub`, `copy ${BLOCKED} ${FLAT}/tools/sub/tool`];
const MAKE_BIN = [`make directory ${FLAT}/bin`, `copy ${BLOCKED} ${FLAT}/bin/blocked`];
const MAKE_READ_ONLY = [`make directory ${FLAT}/read-only`];

export const NAMES: readonly Attempt[] = [
  ...assisted('moved directories', 'block', [
    ['renaming a blocked directory', ...MAKE_DEEP, '--', `rename rename ${FLAT}/deep ${FLAT}/x`, `open openat ${FLAT}/x/a/c`],
    ['renameat of a blocked directory', ...MAKE_DEEP, '--', `rename renameat ${FLAT}/deep ${FLAT}/x`, `open openat ${FLAT}/x/a/c`],
    [
      'exchanging a blocked directory for another',
      ...MAKE_DEEP,
      `make directory ${FLAT}/x`,
      '--',
      `rename exchange ${FLAT}/x ${FLAT}/deep`,
      `open openat ${FLAT}/x/a/c`,
    ],
    ['renaming a directory below a blocked one', ...MAKE_DEEP, '--', `rename rename ${FLAT}/deep/a ${FLAT}/x`, `open openat ${FLAT}/x/c`],
    [
      'renaming the directory of a blocked file',
      ...MAKE_INNER,
      '--',
      `rename rename ${FLAT}/inner/dir ${FLAT}/x`,
      `open openat ${FLAT}/x/secret`,
    ],
    [
      'renaming a directory far above a blocked file',
      ...MAKE_INNER,
      '--',
      `rename rename ${FLAT}/inner ${FLAT}/x`,
      `open openat ${FLAT}/x/dir/secret`,
    ],
    [
      'exchanging another directory for the one of a blocked file',
      ...MAKE_INNER,
      `make directory ${FLAT}/x`,
      '--',
      `rename exchange ${FLAT}/x ${FLAT}/inner`,
      `open openat ${FLAT}/x/dir/secret`,
    ],
    [
      'renaming a directory of blocked programs',
      ...MAKE_TOOLS,
      '--',
      `rename rename ${FLAT}/tools ${FLAT}/x`,
      `exec execve ${FLAT}/x/sub/tool`,
    ],
    [
      'renaming a directory below one of blocked programs',
      ...MAKE_TOOLS,
      '--',
      `rename rename ${FLAT}/tools/sub ${FLAT}/x`,
      `exec execve ${FLAT}/x/tool`,
    ],
    [
      'renaming the directory of a blocked program',
      ...MAKE_BIN,
      '--',
      `rename rename ${FLAT}/bin ${FLAT}/x`,
      `exec execve ${FLAT}/x/blocked`,
    ],
    ['a temporary file linked into a read-only directory', ...MAKE_READ_ONLY, '--', `temporary ${FLAT} ${FLAT}/read-only/new`],
    ['copy_file_range from a blocked file', '--', `transfer copy-file-range ${FLAT}/secret ${FLAT}/out`],
    [
      'copy_file_range into a blocked file',
      `copy ${HOME}/plain ${FLAT}/plain`,
      '--',
      `transfer copy-file-range ${FLAT}/plain ${FLAT}/secret`,
    ],
  ]),
  ...attempts('writing', 'block', [
    ['writing to a read-only file', `write write-only ${FILE}`],
    ['writing to a read-only file opened to read as well', `write read-write ${FILE}`],
    ['appending to a read-only file', `write append-only ${FILE}`],
    ['creat(2) on a read-only file', `write creat ${FILE}`],
    ['a shared writable mapping of a read-only file', `map write ${FILE}`],
    ['O_TRUNC with O_RDONLY on a read-only file', `empty open ${FILE}`],
    ['truncate(2) on a read-only file', `empty truncate ${FILE}`],
    ['ftruncate(2) on a read-only file', `empty ftruncate ${FILE}`],
    ['a hole punched into a read-only file', `empty fallocate ${FILE}`],
    ['sendfile into a read-only file', `transfer sendfile ${HOME}/plain ${FILE}`],
    ['splice into a read-only file', `transfer splice ${HOME}/plain ${FILE}`],
    ['process accounting into a read-only file', `acct ${FILE}`],
    ['chmod of a read-only file', `change chmod ${FILE}`],
    ['fchmodat of a read-only file', `change fchmodat ${FILE}`],
    ['fchmod of a read-only file', `change fchmod ${FILE}`],
    ['chown of a read-only file', `change chown ${FILE}`],
    ['lchown of a read-only file', `change lchown ${FILE}`],
    ['fchown of a read-only file', `change fchown ${FILE}`],
    ['writing to a read-only file by a thread', 'thread', `write write-only ${FILE}`],
    ['writing to a read-only file after chroot', `chroot ${HOME}/read-only`, 'write write-only /file'],
    ["reading a file that is its owner's only", `open openat ${HOME}/owned`],
    ["writing to a file that is its owner's only", `write write-only ${HOME}/owned`],
  ]),
  ...attempts('reading without read', 'block', [
    ['a blocked file by sendfile', `transfer sendfile ${SECRET} ${HOME}/out`],
    ['a blocked file by splice', `transfer splice ${SECRET} ${HOME}/out`],
    ['a blocked file by a shared mapping', `map read ${SECRET}`],
    ['a blocked file as swap space', `swap ${SECRET}`],
    ['a copy of a blocked file', `copy ${SECRET} ${ALIAS}`, `open openat ${ALIAS}`],
  ]),
  ...attempts('other names for files', 'block', [
    ['a hard link to a blocked file', `link link ${SECRET} ${ALIAS}`, `open openat ${ALIAS}`],
    ['a hard link through a symbolic link', `link linkat ${HOME}/link ${ALIAS}`, `open openat ${ALIAS}`],
    ['a hard link made from a descriptor', `link descriptor ${SECRET} ${ALIAS}`, `open openat ${ALIAS}`],
    ['a hard link made from /proc/self/fd', `link proc ${SECRET} ${ALIAS}`, `open openat ${ALIAS}`],
    ["a hard link made over a user's own directory", `make directory ${HOME}/own`, `link link ${SECRET} ${HOME}/own/x`],
    ['a new symbolic link to a blocked file', `link symlink secret ${ALIAS}`, `open openat ${ALIAS}`],
    ['renaming a blocked file', `rename rename ${SECRET} ${ALIAS}`, `open openat ${ALIAS}`],
    ['renameat of a blocked file', `rename renameat ${SECRET} ${ALIAS}`, `open openat ${ALIAS}`],
    ['renaming with RENAME_NOREPLACE', `rename no-replace ${SECRET} ${ALIAS}`, `open openat ${ALIAS}`],
    ['exchanging a blocked file for another', `rename exchange ${SECRET} ${HOME}/plain`, `open openat ${HOME}/plain`],
    ['exchanging another file for a blocked one', `rename exchange ${HOME}/plain ${SECRET}`, `open openat ${HOME}/plain`],
    ['renaming with RENAME_WHITEOUT', `rename whiteout ${HOME}/flat-fs/secret ${HOME}/flat-fs/x`, `open openat ${HOME}/flat-fs/x`],
    ['moving a file into a read-only directory', `rename rename ${HOME}/plain ${HOME}/read-only/new`],
    ['moving another file over a read-only one', `rename rename ${HOME}/plain ${FILE}`],
    ['linking a file into a read-only directory', `link link ${HOME}/plain ${HOME}/read-only/new`],
  ]),
  ...attempts('removing and making', 'block', [
    ['unlink of a read-only file', `remove unlink ${FILE}`],
    ['unlinkat of a read-only file', `remove unlinkat ${FILE}`],
    ['rmdir of a read-only directory', `remove rmdir ${HOME}/read-only/dir`],
    ['unlink of a blocked file', `remove unlink ${SECRET}`],
    ['a new file in a read-only directory', `make file ${HOME}/read-only/new`],
    ['a new directory in a read-only directory', `make directory ${HOME}/read-only/new`],
    ['a new pipe in a read-only directory', `make fifo ${HOME}/read-only/new`],
    ['a new device in a read-only directory', `make device ${HOME}/read-only/new`],
    ['a new file by mknod in a read-only directory', `make node ${HOME}/read-only/new`],
    ['a new symbolic link in a read-only directory', `link symlink /etc ${HOME}/read-only/new`],
    ['a new socket in a read-only directory', `call bind ${HOME}/read-only/new 1`],
  ]),
  ...attempts('other names for programs', 'block', [
    ['a hard link to a blocked program', `link link ${BLOCKED} ${ALIAS}`, `exec execve ${ALIAS}`],
    ['a hard link to a blocked program, made from a descriptor', `link descriptor ${BLOCKED} ${ALIAS}`, `exec execve ${ALIAS}`],
    ['a hard link to a blocked program, made from /proc/self/fd', `link proc ${BLOCKED} ${ALIAS}`, `exec execve ${ALIAS}`],
    ['renaming a blocked program', `rename rename ${BLOCKED} ${ALIAS}`, `exec execve ${ALIAS}`],
    ['exchanging a blocked program for another', `rename exchange ${BLOCKED} ${HOME}/bin/free`, `exec execve ${HOME}/bin/free`],
    ['exchanging another program for a blocked one', `rename exchange ${HOME}/bin/free ${BLOCKED}`, `exec execve ${HOME}/bin/free`],
  ]),
];
