/** `spec.syscalls`: system calls that are audited or blocked. */
import { BLOCKABLE_SYSCALLS, hooksHolding } from './held-syscalls.ts';
import { INHERITED_FIELDS, readAction, readManner } from './inherit.ts';
import type { Manner } from './inherit.ts';
import type { SyscallRule } from './model.ts';
import { readSources } from './parse-match.ts';
import { readSyscallNames } from './parse-syscall-names.ts';
import { readSyscallPaths } from './parse-syscall-paths.ts';
import { at, checkFields, fieldText, readList, readObject, refuse } from './reading.ts';
import type { Cursor } from './reading.ts';

const SECTION_FIELDS = {
  known: [...INHERITED_FIELDS.filter((field) => field !== 'action'), 'matchSyscalls', 'matchPaths'],
  hints: { action: 'a rule of matchSyscalls may have one; without it the rule audits' },
};
const RULE_FIELDS = {
  known: ['syscall', 'fromSource', 'action'],
  hints: { syscalls: 'did you mean syscall?', severity: 'write it on the section', path: 'calls on a path go under matchPaths' },
};

/** A rule for each element of the lists. Whatever the policy's action, system calls are audited unless the rule itself blocks. */
export function readSyscalls(cursor: Cursor, above: Manner): readonly SyscallRule[] {
  const body = readObject(cursor);
  if (body === undefined) return [];
  checkFields(body, SECTION_FIELDS);
  const manner = readManner({ ...body, value: { ...(body.value as object), action: undefined } }, above);
  const rules = readList(at(body, 'matchSyscalls')).flatMap((element): SyscallRule[] => {
    const rule = readObject(element);
    if (rule === undefined) return [];
    checkFields(rule, RULE_FIELDS);
    const action = readSyscallAction(at(rule, 'action'));
    const syscalls = readSyscallNames(at(rule, 'syscall'), (call, name) => action === 'Audit' || isBlockable(call, name));
    const from = readSources(at(rule, 'fromSource'));
    return syscalls.length === 0 ? [] : [{ section: 'syscalls', field: fieldText(element.path), ...manner, action, from, syscalls }];
  });
  return [...rules, ...readSyscallPaths(at(body, 'matchPaths'), manner)];
}

/** Parapet's own: KubeArmor's syscall rules have no action. */
function readSyscallAction(cursor: Cursor): 'Audit' | 'Block' {
  const action = readAction(cursor);
  if (action === 'Allow') {
    const message = 'a system call can be audited or blocked, not allowed';
    refuse(cursor, { code: 'invalid-value', message, hint: 'write Audit or Block, or remove the rule' });
  }
  return action === 'Block' ? 'Block' : 'Audit';
}

function isBlockable(element: Cursor, name: string): boolean {
  if (hooksHolding(name).length > 0) return true;
  const hint = `audit it, or block what it is used for by file, network or capabilities rules; blockable: ${BLOCKABLE_SYSCALLS.join(', ')}`;
  refuse(element, { code: 'syscall-not-blockable', message: `no hook of the kernel holds ${name} whatever it is called with`, hint });
  return false;
}
