/** `spec.syscalls.matchPaths`: system calls that are audited where they act on a path. */
import { readAction } from './inherit.ts';
import type { Manner } from './inherit.ts';
import type { SyscallRule } from './model.ts';
import { NO_PATTERNS, readPath, readSources } from './parse-match.ts';
import { readSyscallNames } from './parse-syscall-names.ts';
import { faultOfDirectory, faultOfFile } from './path.ts';
import { hooksTelling, PATH_SYSCALLS } from './path-syscalls.ts';
import { at, checkFields, fieldText, readFlag, readList, readObject, refuse } from './reading.ts';
import type { Cursor } from './reading.ts';

const RULE_FIELDS = {
  known: ['path', 'recursive', 'syscall', 'fromSource', 'action'],
  hints: {
    syscalls: 'did you mean syscall?',
    dir: 'did you mean path? That of a directory ends in /',
    severity: 'write it on the section',
  },
};

/** A rule for each element of the list. Whatever the policy's action, these calls are audited. */
export function readSyscallPaths(list: Cursor, manner: Manner): readonly SyscallRule[] {
  return readList(list).flatMap((element): SyscallRule[] => {
    const rule = readObject(element);
    if (rule === undefined) return [];
    checkFields(rule, RULE_FIELDS);
    checkAction(at(rule, 'action'));
    const on = readPlace(rule);
    const syscalls = readSyscallNames(at(rule, 'syscall'), fits);
    const from = readSources(at(rule, 'fromSource'));
    if (on === undefined || syscalls.length === 0) return [];
    return [{ section: 'syscalls', field: fieldText(element.path), ...manner, action: 'Audit', from, syscalls, on }];
  });
}

function checkAction(cursor: Cursor): void {
  const action = readAction(cursor);
  if (action === undefined || action === 'Audit') return;
  const message = `a system call on a path is only audited, not ${action === 'Block' ? 'blocked' : 'allowed'}`;
  refuse(cursor, {
    code: 'invalid-value',
    message,
    hint: 'say by a process or file rule for the path what is refused and what may be done',
  });
}

/** A path, or a directory where it ends in `/`. */
function readPlace(rule: Cursor): SyscallRule['on'] {
  const path = readPath(at(rule, 'path'), (text) => (text.endsWith('/') ? faultOfDirectory(text) : faultOfFile(text)), NO_PATTERNS);
  const flag = at(rule, 'recursive');
  const recursive = readFlag(flag);
  if (path === undefined) return undefined;
  if (path.endsWith('/')) return { type: 'directory', dir: path, recursive };
  if (recursive)
    refuse(flag, {
      code: 'invalid-value',
      message: 'only a directory can be recursive',
      hint: `write the path as ${JSON.stringify(`${path}/`)}`,
    });
  return { type: 'path', path };
}

function fits(element: Cursor, name: string): boolean {
  if (hooksTelling(name).length > 0) return true;
  const hint = `name it under matchSyscalls, whatever its path; or audit the path by a file rule. Calls with a path: ${PATH_SYSCALLS.join(', ')}`;
  refuse(element, { code: 'syscall-without-path', message: `no hook of the kernel tells on which path ${name} acts`, hint });
  return false;
}
