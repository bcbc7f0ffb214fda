/** What goes into the sandbox process and what comes out of it. */

/** The name the program runs under: what its stack traces say, and what `@parapet/sdk` looks for. */
export const BUNDLE_NAME = 'parapet-bundle.js';
export const PRELUDE_NAME = 'parapet-prelude.js';

export interface SandboxRequest {
  /** Lengths of the byte strings that follow: QuickJS, its extensions, the prelude. What follows those is the bundle. */
  readonly lengths: readonly number[];
  readonly extensions: readonly string[];
  /** Milliseconds of processor time; what starting the process takes counts too. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly outputBytes: number;
  readonly manifests: number;
}

/** Something thrown in the program, as text. Everything in it is the program's own words. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code: string;
  readonly hint: string;
  /** Set when it is the end that `process.exit` makes. */
  readonly exitCode?: number;
}

export interface WrittenFile {
  readonly path: string;
  /** Each a JSON text. */
  readonly documents: readonly string[];
  readonly errors: readonly string[];
}

export interface SandboxAnswer {
  readonly ended: 'done' | 'threw' | 'time' | 'memory' | 'waiting' | 'output' | 'exit';
  /** What ended it; first the program itself, then rejections that nobody handled. */
  readonly thrown: readonly Thrown[];
  readonly files: readonly WrittenFile[];
  /** Whether the program wrote or made anything at all. */
  readonly touched: boolean;
  /** What it printed. */
  readonly printed: readonly string[];
  readonly exitCode: number;
  /** What was too much, when it ended for its output. */
  readonly excess?: string;
}
