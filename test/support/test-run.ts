/** Running programs of a loaded object by BPF_PROG_TEST_RUN: those of raw tracepoints with arguments, those of packets on a frame. */
import { callAside, checked } from '../../agent/src/adapters/kernel/library.ts';
import type { Handle, KernelLibrary } from '../../agent/src/adapters/kernel/library.ts';

/** struct bpf_test_run_opts */
const OPTIONS = { size: 80, packet: 8, packet_size: 24, context: 32, context_size: 48, result: 56 } as const;

interface Run {
  readonly fd: number;
  readonly options: Buffer;
  /** Held so that it lives as long as the kernel looks at it. */
  readonly context: Buffer;
}

function prepare(library: KernelLibrary, { object, program, args }: { object: Handle; program: string; args: readonly number[] }): Run {
  const fd = checked(library.bpf_program__fd(library.bpf_object__find_program_by_name(object, program)), program);
  const context = Buffer.alloc(args.length * 8);
  args.forEach((argument, i) => context.writeBigUInt64LE(BigInt(argument), i * 8));
  const options = Buffer.alloc(OPTIONS.size) as Buffer & { writePointer(pointer: Buffer, offset: number): void };
  options.writeBigUInt64LE(BigInt(OPTIONS.size), 0);
  if (args.length > 0) options.writePointer(context, OPTIONS.context);
  options.writeUInt32LE(context.length, OPTIONS.context_size);
  return { fd, options, context };
}

/** Runs a program once; its return value. */
export function testRun(library: KernelLibrary, what: { object: Handle; program: string; args: readonly number[] }): number {
  const { fd, options } = prepare(library, what);
  checked(library.bpf_prog_test_run_opts(fd, options), `running ${what.program}`);
  return options.readUInt32LE(OPTIONS.result);
}

/** Runs a program on an Ethernet frame; its return value. */
export function testRunOn(library: KernelLibrary, what: { object: Handle; program: string; frame: Buffer }): number {
  const { object, program, frame } = what;
  const { fd, options } = prepare(library, { object, program, args: [] });
  (options as Buffer & { writePointer(pointer: Buffer, offset: number): void }).writePointer(frame, OPTIONS.packet);
  options.writeUInt32LE(frame.length, OPTIONS.packet_size);
  checked(library.bpf_prog_test_run_opts(fd, options), `running ${program}`);
  return options.readUInt32LE(OPTIONS.result);
}

/** The same as `testRun` in a thread of its own. */
export async function testRunAside(
  library: KernelLibrary,
  what: { object: Handle; program: string; args: readonly number[] },
): Promise<number> {
  const { fd, options, context } = prepare(library, what);
  const code = await callAside(library.bpf_prog_test_run_opts, fd, options);
  checked(code, `running ${what.program} with ${context.length} bytes`);
  return options.readUInt32LE(OPTIONS.result);
}
