/** What the scenario printed. */

export interface Results {
  /** By the attempt's name: what came of it in a cgroup without rules, and in one with them. */
  readonly attempts: ReadonlyMap<string, { readonly without: string; readonly with: string }>;
  readonly counters: Readonly<Record<string, number>>;
}

type Line =
  { readonly name: string; readonly without: string; readonly with: string } | { readonly counters: Readonly<Record<string, number>> };

/** Reads the scenario's lines of JSON; other lines are what the attempts themselves said. */
export function readResults(output: string): Results {
  const attempts = new Map<string, { without: string; with: string }>();
  let counters: Readonly<Record<string, number>> = {};
  for (const line of output.split('\n').filter((text) => text.startsWith('{'))) {
    const read = JSON.parse(line) as Line;
    if ('counters' in read) counters = read.counters;
    else attempts.set(read.name, { without: read.without, with: read.with });
  }
  return { attempts, counters };
}
