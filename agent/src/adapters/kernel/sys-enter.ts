/**
 * The program that sees every system call of the node. It is attached only while some table audits system calls: all others pay nothing for
 * it. Its link is pinned beside those of the other programs, so it outlives the agent as they do.
 */
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { checked } from './library.ts';
import type { KernelLibrary } from './library.ts';

const PROGRAM = 'on_syscall';
const LINK = 'on_syscall-link';

export class SysEnter {
  readonly #library: Pick<KernelLibrary, 'bpf_obj_get' | 'bpf_obj_pin' | 'bpf_raw_tracepoint_open' | 'close'>;
  readonly #directory: string;

  /** `directory` holds the pins of the programs. */
  constructor(library: Pick<KernelLibrary, 'bpf_obj_get' | 'bpf_obj_pin' | 'bpf_raw_tracepoint_open' | 'close'>, directory: string) {
    this.#library = library;
    this.#directory = directory;
  }

  get attached(): boolean {
    return existsSync(path.join(this.#directory, LINK));
  }

  /** Attaches it unless it is. Throws a StageError when the kernel refuses. */
  attach(): void {
    if (this.attached) return;
    const library = this.#library;
    const program = checked(library.bpf_obj_get(path.join(this.#directory, PROGRAM)), 'opening the pinned program of system calls');
    try {
      const link = checked(library.bpf_raw_tracepoint_open('sys_enter', program), 'attaching to system calls');
      try {
        checked(library.bpf_obj_pin(link, path.join(this.#directory, LINK)), 'pinning the link of system calls');
      } finally {
        library.close(link);
      }
    } finally {
      library.close(program);
    }
  }

  detach(): void {
    rmSync(path.join(this.#directory, LINK), { force: true });
  }
}
