/** One figure of `npm run bench`. */

/** As `--json` writes it. A row without a goal is there to be read: `goal` and `met` are null. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** A bound: the value may be as large, or, for what should be large (`atLeast`), as small. */
  readonly goal: number | null;
  readonly met: boolean | null;
}

/** A figure, with its goal if it has one. Values keep three decimals at most. */
export function row(name: string, [value, unit]: readonly [number, string], goal: { atMost?: number; atLeast?: number } = {}): Row {
  const rounded = Math.round(value * 1000) / 1000;
  const bound = goal.atMost ?? goal.atLeast ?? null;
  const met = bound === null ? null : goal.atMost === undefined ? rounded >= bound : rounded <= bound;
  return { name, value: rounded, unit, goal: bound, met };
}

/** Rows as a table for a terminal; misses stand out, and are summed up below. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(({ name, value, unit, goal, met }) => [
    name,
    `${value.toLocaleString('en')} ${unit}`,
    goal === null ? '' : goal.toLocaleString('en'),
    met === null ? '' : met ? 'met' : 'MISSED',
  ]);
  const table = [['what', 'measured', 'goal', ''], ...cells];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((line) => line[column]!.length)));
  const lines = table.map(([name, measured, goal, met]) =>
    `${name!.padEnd(widths[0]!)}  ${measured!.padStart(widths[1]!)}  ${goal!.padStart(widths[2]!)}  ${met}`.trimEnd(),
  );
  const goals = rows.filter(({ met }) => met !== null);
  const missed = goals.filter(({ met }) => met === false);
  const sum =
    missed.length === 0
      ? `all ${goals.length} goals met`
      : `${missed.length} of ${goals.length} goals missed: ${missed.map(({ name }) => name).join('; ')}`;
  return [...lines, '', sum].join('\n');
}
