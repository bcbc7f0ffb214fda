/** What the kernel says about the enforcer's programs that it holds. Needs root. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ffi from 'ffi-napi';

const LIBRARY = path.resolve('bpf/build/libparapet.so');

export interface LoadedProgram {
  readonly name: string;
  /** Instructions that the verifier walked through. */
  readonly verified: number;
  /** Bytes. */
  readonly machineCode: number;
  /** Runs that did not happen because the program was running on that processor already. */
  readonly missed: number;
}

interface Listed {
  readonly id: number;
  readonly name?: string;
  readonly bytes_jited?: number;
}

/** By name, all that were loaded by this house: bpftool knows their names and sizes, and the kernel's fdinfo what the verifier counted. */
export function loadedPrograms(): LoadedProgram[] {
  const library = ffi.Library(LIBRARY, { bpf_prog_get_fd_by_id: ['int', ['uint']], close: ['int', ['int']] });
  const listed = JSON.parse(execFileSync('bpftool', ['prog', 'show', '-j'], { encoding: 'utf8' })) as Listed[];
  const programs = listed.map(({ id, name, bytes_jited }): LoadedProgram => {
    const fd = Number(library.bpf_prog_get_fd_by_id(id));
    const facts = fd < 0 ? '' : readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    if (fd >= 0) library.close(fd);
    const fact = (key: string): number => Number(new RegExp(`^${key}:\\s*(\\d+)$`, 'm').exec(facts)?.[1] ?? NaN);
    return { name: name ?? '', verified: fact('verified_insns'), machineCode: bytes_jited ?? 0, missed: fact('recursion_misses') };
  });
  return programs
    .filter(({ name }) => name.startsWith('on_') || name.startsWith('shared_') || name === 'adopt')
    .sort((left, right) => left.name.localeCompare(right.name));
}
