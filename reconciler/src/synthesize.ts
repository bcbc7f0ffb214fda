/** Running a commit's program, whatever is reconciled. */
import type { Problem } from '@parapet/policy';
import type { ExportedTree, SynthResult, Synthesizer } from './ports.ts';
import { StageError } from './stage-error.ts';

/** What is wrong with the program is in the result; rejects with a StageError when the sandbox itself broke, and with the signal's reason when aborted. */
export async function synthesize(
  synthesizer: Synthesizer,
  { directory, content }: Pick<ExportedTree, 'directory' | 'content'>,
  signal: AbortSignal,
): Promise<SynthResult> {
  try {
    return await synthesizer.synth({ directory, content, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StageError) throw error;
    throw new StageError('synth', error instanceof Error ? error.message : 'the sandbox broke', { cause: error });
  }
}

/** Whether any of these refuses what it is about. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}
