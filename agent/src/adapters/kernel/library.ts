/** The C bridge and libbpf, through FFI. Results below zero are negated errno values. */
import path from 'node:path';
import { getSystemErrorName } from 'node:util';
import ffi from 'ffi-napi';
import { StageError } from '../../stage-error.ts';

/** An address that only C looks at. */
export type Handle = Buffer & { isNull(): boolean };

type Async<Arguments extends unknown[], Result = number> = {
  async(...callArguments: [...Arguments, (error: Error | null, result: Result) => void]): void;
};
type LoadArguments = [object: string, pins: string, hooks: Handle | null, error: Buffer];
type ResolveArguments = [root: string, paths: Buffer, length: number, buffer: Buffer, capacity: number, milliseconds: number];
type ReadBatchArguments = [
  fd: number,
  from: Uint8Array | null,
  to: Uint8Array,
  keys: Uint8Array,
  values: Uint8Array,
  count: Uint8Array,
  options: null,
];
type TestRunArguments = [fd: number, options: Uint8Array];
type BarrierArguments = [fd: number, key: Uint8Array, value: Uint8Array, flags: number];

/** Functions of the C files beside the kernel half, of libbpf, and a few of libc, by their C names. */
export interface KernelLibrary {
  parapet_load: ((...callArguments: LoadArguments) => Handle) & Async<LoadArguments, Handle>;
  parapet_share(shared: Handle, hooks: Handle, links: string): number;
  parapet_attach(object: Handle, links: string): number;
  parapet_missing(object: string, buffer: Buffer, capacity: number): number;
  parapet_messages(): string;
  parapet_ring_open(map: number, largest: number, error: Buffer): Handle;
  parapet_drain(ring: Handle, buffer: Buffer, capacity: number): number;
  parapet_wait(ring: Handle, milliseconds: number): number;
  parapet_ring_close(ring: Handle): void;
  parapet_missed_runs(own: number): number;
  parapet_iterate(link: number): number;
  parapet_pidfd(pid: number): number;
  parapet_signal(pidfd: number, signal: number): number;
  parapet_resolve: Async<ResolveArguments>;
  parapet_identify: Async<ResolveArguments>;
  bpf_object__close(object: Handle): void;
  bpf_object__find_map_fd_by_name(object: Handle, name: string): number;
  bpf_object__find_program_by_name(object: Handle, name: string): Handle;
  bpf_program__fd(program: Handle): number;
  bpf_obj_get(path: string): number;
  bpf_obj_pin(fd: number, path: string): number;
  bpf_obj_get_info_by_fd(fd: number, info: Uint8Array, length: Uint8Array): number;
  bpf_raw_tracepoint_open(name: string, program: number): number;
  bpf_map_lookup_elem(fd: number, key: Uint8Array, value: Uint8Array): number;
  bpf_map_update_elem: ((...callArguments: BarrierArguments) => number) & Async<BarrierArguments>;
  bpf_map_get_next_key(fd: number, key: null, next: Uint8Array): number;
  bpf_map_delete_elem(fd: number, key: Uint8Array): number;
  bpf_map_update_batch(fd: number, keys: Uint8Array, values: Uint8Array, count: Uint8Array, options: null): number;
  bpf_map_delete_batch(fd: number, keys: Uint8Array, count: Uint8Array, options: null): number;
  bpf_map_lookup_batch(...callArguments: ReadBatchArguments): number;
  bpf_map_lookup_and_delete_batch(...callArguments: ReadBatchArguments): number;
  bpf_prog_test_run_opts: ((...callArguments: TestRunArguments) => number) & Async<TestRunArguments>;
  libbpf_num_possible_cpus(): number;
  clock_gettime(clock: number, time: Uint8Array): number;
  mount(source: string, target: string, type: string, flags: number, data: null): number;
  flock(fd: number, operation: number): number;
  madvise(start: string, length: string, advice: number): number;
  malloc_trim(pad: number): number;
  close(fd: number): number;
}

const P = 'pointer';

/** Opens `libparapet.so` in `directory`. Throws a StageError when it (or libbpf) is not there. */
export function openLibrary(directory: string): KernelLibrary {
  const file = path.join(directory, 'libparapet.so');
  try {
    const library: unknown = ffi.Library(file, {
      parapet_load: [P, ['string', 'string', P, P]],
      parapet_share: ['int', [P, P, 'string']],
      parapet_attach: ['int', [P, 'string']],
      parapet_missing: ['int', ['string', P, 'size_t']],
      parapet_messages: ['string', []],
      parapet_ring_open: [P, ['int', 'uint32', P]],
      parapet_drain: ['int', [P, P, 'size_t']],
      parapet_wait: ['int', [P, 'int']],
      parapet_ring_close: ['void', [P]],
      parapet_missed_runs: ['int', ['int']],
      parapet_iterate: ['int', ['int']],
      parapet_pidfd: ['int', ['int']],
      parapet_signal: ['int', ['int', 'int']],
      parapet_resolve: ['int', ['string', P, 'size_t', P, 'size_t', 'int']],
      parapet_identify: ['int', ['string', P, 'size_t', P, 'size_t', 'int']],
      bpf_object__close: ['void', [P]],
      bpf_object__find_map_fd_by_name: ['int', [P, 'string']],
      bpf_object__find_program_by_name: [P, [P, 'string']],
      bpf_program__fd: ['int', [P]],
      bpf_obj_get: ['int', ['string']],
      bpf_obj_pin: ['int', ['int', 'string']],
      bpf_obj_get_info_by_fd: ['int', ['int', P, P]],
      bpf_raw_tracepoint_open: ['int', ['string', 'int']],
      bpf_map_lookup_elem: ['int', ['int', P, P]],
      bpf_map_update_elem: ['int', ['int', P, P, 'uint64']],
      bpf_map_get_next_key: ['int', ['int', P, P]],
      bpf_map_delete_elem: ['int', ['int', P]],
      bpf_map_update_batch: ['int', ['int', P, P, P, P]],
      bpf_map_delete_batch: ['int', ['int', P, P, P]],
      bpf_map_lookup_batch: ['int', ['int', P, P, P, P, P, P]],
      bpf_map_lookup_and_delete_batch: ['int', ['int', P, P, P, P, P, P]],
      bpf_prog_test_run_opts: ['int', ['int', P]],
      libbpf_num_possible_cpus: ['int', []],
      clock_gettime: ['int', ['int', P]],
      mount: ['int', ['string', 'string', 'string', 'ulong', P]],
      flock: ['int', ['int', 'int']],
      madvise: ['int', ['uint64', 'uint64', 'int']],
      malloc_trim: ['int', ['size_t']],
      close: ['int', ['int']],
    });
    return library as KernelLibrary;
  } catch (cause) {
    throw new StageError(`the kernel bridge ${file} cannot be loaded`, { stage: 'kernel', retry: false, cause });
  }
}

/** Calls a function of C in a thread of its own, so that the event loop goes on. */
export function callAside<Arguments extends unknown[], Result>(call: Async<Arguments, Result>, ...given: Arguments): Promise<Result> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, result: Result): void => (error === null ? resolve(result) : reject(error));
    call.async(...given, done);
  });
}

/** Whether a pointer that C returned is NULL. */
export function isNull(handle: Handle): boolean {
  return handle.isNull();
}

/** `ENOMEM` for -12. */
export function errorName(code: number): string {
  return code < 0 ? getSystemErrorName(code) : String(code);
}

/** Gives a result back, or throws a StageError that says what could not be done and the error's name. */
export function checked(result: number, what: string): number {
  if (result >= 0) return result;
  throw new StageError(`${what}: ${errorName(result)}`, { stage: 'kernel', retry: true });
}
