/** `spec.syscalls`: system calls that are audited or blocked. */
import { BLOCKABLE_SYSCALLS, hooksHolding } from './held-syscalls.ts';
import { INHERITED_FIELDS, readAction, readManner } from './inherit.ts';
import type { Manner } from './inherit.ts';
import type { SyscallRule } from './model.ts';
import { readSources } from './parse-match.ts';
import { at, checkFields, fieldText, readList, readNeededString, readObject, refuse, refuseMissing, show } from './reading.ts';
import type { Cursor } from './reading.ts';
import { closest } from './suggest.ts';
import { syscallNumbers, SYSCALLS } from './syscall.ts';

const SECTION_FIELDS = {
  known: [...INHERITED_FIELDS.filter((field) => field !== 'action'), 'matchSyscalls'],
  notYet: ['matchPaths'],
  hints: { action: 'a rule of matchSyscalls may have one; without it the rule audits', matchPaths: 'name the calls under matchSyscalls' },
};
const RULE_FIELDS = {
  known: ['syscall', 'fromSource', 'action'],
  hints: { syscalls: 'did you mean syscall?', severity: 'write it on the section' },
};

/** A rule for each element of `matchSyscalls`. Whatever the policy's action, system calls are audited unless the rule itself blocks. */
export function readSyscalls(cursor: Cursor, above: Manner): readonly SyscallRule[] {
  const body = readObject(cursor);
  if (body === undefined) return [];
  checkFields(body, SECTION_FIELDS);
  const manner = readManner({ ...body, value: { ...(body.value as object), action: undefined } }, above);
  return readList(at(body, 'matchSyscalls')).flatMap((element): SyscallRule[] => {
    const rule = readObject(element);
    if (rule === undefined) return [];
    checkFields(rule, RULE_FIELDS);
    const action = readSyscallAction(at(rule, 'action'));
    const syscalls = readNames(at(rule, 'syscall'), action);
    const from = readSources(at(rule, 'fromSource'));
    return syscalls.length === 0 ? [] : [{ section: 'syscalls', field: fieldText(element.path), ...manner, action, from, syscalls }];
  });
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

function readNames(list: Cursor, action: 'Audit' | 'Block'): readonly string[] {
  const elements = readList(list);
  if (elements.length === 0 && (list.value === undefined || Array.isArray(list.value)))
    refuseMissing(list, { hint: 'name at least one system call' });
  const names = new Set<string>();
  for (const element of elements) {
    const name = readNeededString(element);
    if (name === undefined) continue;
    if (syscallNumbers(name) === undefined) refuseName(element, name);
    else if (action === 'Block' && hooksHolding(name).length === 0) refuseBlock(element, name);
    else names.add(name);
  }
  return [...names];
}

function refuseBlock(element: Cursor, name: string): void {
  const hint = `audit it, or block what it is used for by file, network or capabilities rules; blockable: ${BLOCKABLE_SYSCALLS.join(', ')}`;
  refuse(element, { code: 'syscall-not-blockable', message: `no hook of the kernel holds ${name} whatever it is called with`, hint });
}

function refuseName(element: Cursor, name: string): void {
  const meant = closest(name, SYSCALLS);
  const hint = meant === undefined ? 'names are those of x86-64, as in man 2 syscalls' : `did you mean ${meant}?`;
  refuse(element, { code: 'invalid-value', message: `${show(name)} is not a system call`, hint });
}
