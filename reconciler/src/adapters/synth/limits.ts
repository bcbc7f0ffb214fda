/** How much a policy program may use before it is ended. */
export interface SynthLimits {
  /** Milliseconds of processor time for bundling. Default 20,000. */
  readonly bundleMs: number;
  /**
   * Milliseconds of processor time for running the program, its manifests' parsing included: then the program is stopped, and soon after killed.
   * Not of wall clock, so that the same program has the same end on a busy machine. Default 10,000.
   */
  readonly runMs: number;
  /** Bytes that the program may hold at one time. Default 256 MiB. */
  readonly memoryBytes: number;
  /** Bytes of manifests. Default 16 MiB. */
  readonly outputBytes: number;
  /** Bytes of one source file. Default 5 MiB. */
  readonly fileBytes: number;
  /** Source files, those of libraries included. Default 5,000. */
  readonly files: number;
  /** Bytes of the bundle. Default 20 MiB. */
  readonly bundleBytes: number;
  /** Manifests. Default 10,000. */
  readonly manifests: number;
}

const MIB = 1024 * 1024;
/** A machine that gives a process less than this part of a processor is too busy, which is nobody's program's fault. */
const LEAST_SHARE = 1 / 6;

export const DEFAULT_LIMITS: SynthLimits = {
  bundleMs: 20_000,
  runMs: 10_000,
  memoryBytes: 256 * MIB,
  outputBytes: 16 * MIB,
  fileBytes: 5 * MIB,
  files: 5_000,
  bundleBytes: 20 * MIB,
  manifests: 10_000,
};

/** How long a process may take by the clock on the wall that has `cpuMs` milliseconds of processor time. */
export function wallMsOf(cpuMs: number): number {
  return Math.max(cpuMs / LEAST_SHARE, 30_000);
}

/** `16 MiB`, `500 KiB`, `12 bytes`: for messages. */
export function bytesText(bytes: number): string {
  if (bytes >= MIB) return `${Math.round((bytes / MIB) * 10) / 10} MiB`;
  return bytes >= 1024 ? `${Math.round((bytes / 1024) * 10) / 10} KiB` : `${bytes} bytes`;
}
