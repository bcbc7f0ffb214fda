/** Exit codes, and what each kind of failure looks like on a terminal. */
import { formatProblem } from '@parapet/policy';
import type { Problem } from '@parapet/policy';

export const EXIT = {
  done: 0,
  /** The input has problems; all of them were listed. */
  problems: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The world failed: a file, the network, the kernel, the runtime; or a bug in Parapet. */
  failed: 3,
  /** Of a command that says something else by 1: the input has problems. */
  refused: 4,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Where commands write. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What a command gets: where to write, and how to hand over its exit code. */
export interface Door {
  readonly terminal: Terminal;
  readonly finish: (code: ExitCode) => void;
}

/** Lists problems, warnings among them, one a line; says whether any refuses the input. */
export function listProblems(terminal: Terminal, problems: readonly Problem[]): boolean {
  for (const problem of problems) terminal.err(`${harmless(formatProblem(problem))}\n`);
  return problems.some(({ severity }) => severity === 'error');
}

/** Says what was thrown, and what a person can do; a stack only where it helps whoever repairs Parapet. */
export function explainFailure(terminal: Terminal, error: unknown): ExitCode {
  if (isFromTheWorld(error)) {
    terminal.err(`parapet: ${harmless(reasons(error).join(': '))}\n`);
    return EXIT.failed;
  }
  terminal.err(`parapet: bug: ${harmless(reasons(error).join(': '))} (please report this; PARAPET_DEBUG=1 shows where)\n`);
  if (terminal.env.PARAPET_DEBUG === '1' && error instanceof Error) terminal.err(`${error.stack ?? ''}\n`);
  return EXIT.failed;
}

/** Adapters throw a StageError; the system calls of Node throw errors with a code such as `ENOENT`. */
function isFromTheWorld(error: unknown): error is Error {
  return error instanceof Error && (error.name === 'StageError' || ('syscall' in error && 'code' in error));
}

function reasons(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  return [error.message, ...(error.cause === undefined ? [] : reasons(error.cause))];
}

/** Messages quote programs and manifests of strangers: nothing in them may steer the terminal or look like something else. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => (character === '\n' || character === '\t' ? ' ' : '?'));
}
