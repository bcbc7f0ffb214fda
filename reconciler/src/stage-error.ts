/** What the world did to us: as opposed to a Problem, which is what the user's input did. */
import type { ProblemCode } from '@parapet/policy';

/** Where a run can break. */
export type Stage = 'resolve' | 'fetch' | 'synth' | 'target' | 'status' | 'secret' | 'listen';

/** Thrown by adapters, caught once in the story. The message is for people and never holds a credential. */
export class StageError extends Error {
  readonly stage: Stage;
  /** Whether trying again later may help. */
  readonly retry: boolean;
  /** Catalogue code, where there is one. */
  readonly code: ProblemCode | undefined;

  constructor(
    stage: Stage,
    message: string,
    options: { readonly cause?: unknown; readonly retry?: boolean; readonly code?: ProblemCode } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'StageError';
    this.stage = stage;
    this.retry = options.retry ?? true;
    this.code = options.code;
  }
}
