/** The world failed: not the user's input, not a bug. Thrown by adapters with the cause, caught once in the story. */
export class StageError extends Error {
  override readonly name = 'StageError';
  /** What was being done: `containerd`, `control`, `policies`. */
  readonly stage: string;
  /** Whether trying again later can help. */
  readonly retry: boolean;

  constructor(message: string, options: { readonly stage: string; readonly retry: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.stage = options.stage;
    this.retry = options.retry;
  }
}

/** What went wrong in one line, with the causes below it; never a stack. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `: ${reasonOf(error.cause)}`;
  return `${error.message}${cause}`;
}
