/** What this kernel can enforce, found out by looking and by loading a program, never by its version. */
import { access, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Problem } from '@parapet/policy';
import type { EnforcerSupport } from '../../ports.ts';
import { checked, errorName, isNull, openLibrary } from './library.ts';
import type { KernelLibrary } from './library.ts';

const BTF = '/sys/kernel/btf/vmlinux';
const LSM_LIST = '/sys/kernel/security/lsm';

/** Whether BPF-LSM works here, and if not, why. `bpfDirectory` holds the compiled objects. Throws a StageError when the bridge is missing. */
export async function probeKernel(options: { readonly bpfDirectory: string }): Promise<EnforcerSupport> {
  const library = openLibrary(options.bpfDirectory);
  const problems = [...(await checkBtf()), ...(await checkLsmList(library))];
  if (problems.length === 0) problems.push(...tryLoad(library, options.bpfDirectory));
  const enforcer = problems.length === 0 ? 'BPF-LSM' : 'none';
  const missingHooks = enforcer === 'none' ? [] : findMissingHooks(library, options.bpfDirectory);
  return { enforcer, problems, kernel: os.release(), missingHooks };
}

async function checkBtf(): Promise<Problem[]> {
  try {
    await access(BTF);
    return [];
  } catch {
    return [
      problem('kernel-no-btf', {
        message: `the kernel has no type information (${BTF})`,
        hint: 'run a kernel with CONFIG_DEBUG_INFO_BTF, as all current distributions ship',
      }),
    ];
  }
}

async function checkLsmList(library: KernelLibrary): Promise<Problem[]> {
  let list = await readLsmList();
  if (list === undefined) {
    library.mount('securityfs', path.dirname(LSM_LIST), 'securityfs', 0, null);
    list = await readLsmList();
  }
  const names = (list ?? '').trim().split(',');
  if (names.includes('bpf')) return [];
  const active = list === undefined ? 'unknown: securityfs is not mounted' : names.join(',');
  return [
    problem('kernel-no-bpf-lsm', {
      message: `the kernel does not ask BPF programs (active security modules: ${active})`,
      hint: `add bpf to the kernel's command line, for example lsm=${[...names.filter((name) => name !== '' && name !== 'capability'), 'bpf'].join(',')}`,
    }),
  ];
}

async function readLsmList(): Promise<string | undefined> {
  try {
    return await readFile(LSM_LIST, 'utf8');
  } catch {
    return undefined;
  }
}

function tryLoad(library: KernelLibrary, directory: string): Problem[] {
  const error = Buffer.alloc(4);
  const object = library.parapet_load(path.join(directory, 'probe.bpf.o'), '', null, error);
  if (!isNull(object)) {
    library.bpf_object__close(object);
    return [];
  }
  const code = error.readInt32LE();
  const reason = { '-1': 'not permitted', '-13': 'not permitted', '-2': 'the compiled object is missing' }[String(code)] ?? errorName(code);
  return [
    problem('kernel-refused', {
      message: `the kernel refuses BPF programs for security hooks: ${reason}`,
      hint:
        code === -2
          ? `build it: make -C bpf`
          : 'run as root with CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN, outside of a restricted virtual machine',
    }),
  ];
}

/** Hooks that only some kernels have, and the one by which the others see the same. */
const SUBSTITUTES: Readonly<Record<string, string>> = {
  file_truncate: 'path_truncate',
  file_ioctl_compat: 'file_ioctl',
  inode_set_acl: 'inode_setxattr',
  inode_remove_acl: 'inode_removexattr',
};

/**
 * What is missing must be known: an agent that could not find out would call policies enforced that are not. A kernel without
 * file_truncate and the like lacks nothing as long as it has what sees the same there.
 */
function findMissingHooks(library: KernelLibrary, directory: string): string[] {
  const buffer = Buffer.alloc(4096);
  const length = checked(library.parapet_missing(path.join(directory, 'parapet.bpf.o'), buffer, buffer.length), 'finding missing hooks');
  const names = buffer
    .toString('latin1', 0, length)
    .split('\n')
    .filter((name) => name !== '');
  return names.filter((name) => {
    const substitute = SUBSTITUTES[name];
    return substitute === undefined || names.includes(substitute);
  });
}

function problem(code: Problem['code'], text: { message: string; hint: string }): Problem {
  return { code, severity: 'error', place: {}, ...text };
}
