/** What is tried inside the containers, and what must come of it. */

export interface Attempt {
  readonly container: 'web' | 'vault';
  /** What a person would call it. */
  readonly title: string;
  /** Shell text; full paths, because busybox's shell runs its own applets for bare names. */
  readonly command: string;
  readonly expected: 'passes' | 'refused';
  /** Set where an alert must follow, in KubeArmor's words. To execute a file is also to open it, which `File` rules may refuse first. */
  readonly alert?: {
    readonly action: 'Audit' | 'Block';
    readonly policyName: string;
    readonly operation: 'Process' | 'File' | 'Network' | 'Capabilities';
    readonly resource: string;
  };
}

export interface Observation extends Attempt {
  readonly observed: 'passes' | 'refused' | 'not run';
  /** First line of what the command printed. */
  readonly detail: string;
}

/** One script for all attempts of a container: a line `ROW <index> <exit status> <first line of output>` for each. */
export function scriptFor(attempts: readonly Attempt[]): string {
  const rows = attempts.map(({ command }, index) =>
    [
      `out=$( { ${command}; } 2>&1 ); rc=$?`,
      `IFS= read -r first <<END_OF_OUTPUT`,
      `$out`,
      `END_OF_OUTPUT`,
      `echo "ROW ${index} $rc $first"`,
    ].join('\n'),
  );
  return rows.join('\n');
}

const REFUSAL = /permission denied|operation not permitted/i;

/** Reads the script's output; an attempt without a row was not run (its container's shell died, say), which is never a success. */
export function observe(attempts: readonly Attempt[], output: string): Observation[] {
  const rows = new Map<number, { status: number; detail: string }>();
  for (const line of output.split('\n')) {
    const [, index, status, detail] = /^ROW (\d+) (\d+) ?(.*)$/.exec(line) ?? [];
    if (index !== undefined) rows.set(Number(index), { status: Number(status), detail: detail ?? '' });
  }
  return attempts.map((attempt, index) => {
    const row = rows.get(index);
    if (row === undefined) return { ...attempt, observed: 'not run', detail: output.split('\n')[0] ?? '' };
    const refused = row.status !== 0 && REFUSAL.test(row.detail);
    return { ...attempt, observed: refused ? 'refused' : row.status === 0 ? 'passes' : 'not run', detail: row.detail };
  });
}
