/** The patterns of a table: one automaton, and what each set of patterns that it accepts says. */
import { PATTERN_CELLS } from './abi.ts';
import { buildAutomaton } from './automaton.ts';
import { globOf, hangsAt } from './glob.ts';
import type { Glob } from './glob.ts';
import type { Problem } from './problem.ts';
import { siteKey } from './site.ts';
import type { PatternTable, PatternVerdict } from './table.ts';
import { cellShift, cellsOf } from './trie.ts';
import type { Cell, Giver, PathRule } from './trie.ts';

/** What the automaton of one table may need of the kernel's memory: an eighth of all that there is. */
const TABLE_STATES = 16_384;
const TABLE_CELLS = 500 * PATTERN_CELLS;
/** Steps that the automaton of one table may take to build: a tenth of a second, and more than thousands of ordinary patterns need. */
const TABLE_WORK = 2_000_000;

/** A rule with a pattern, and its place among all rules. */
interface PatternRule {
  readonly giver: Giver;
  readonly rule: PathRule;
  readonly order: number;
}

interface Pattern {
  readonly glob: Glob;
  readonly depth: number;
  readonly rules: readonly PatternRule[];
}

export interface CompiledPatterns {
  readonly table?: PatternTable;
  readonly sites: ReadonlyMap<string, Giver>;
  readonly problems: Problem[];
}

/** Compiles the patterns among the rules; no table where there is none, and `pattern-too-complex` where the automaton would be too large. */
export function compilePatterns(rules: readonly Giver[]): CompiledPatterns {
  const sites = new Map<string, Giver>();
  const patterns = patternsOf(rules);
  if (patterns.length === 0) return { sites, problems: [] };
  const automaton = buildAutomaton(
    patterns.map(({ glob }) => glob),
    { states: TABLE_STATES, cells: TABLE_CELLS, work: TABLE_WORK },
  );
  if (automaton === undefined) return { sites, problems: [tooComplex(patterns.length)] };
  const verdicts = automaton.accepts.map((accepted, index) => {
    const among = accepted.map((pattern) => patterns[pattern]).filter((pattern) => pattern !== undefined);
    return verdictOf(among, { index: index + 1, sites });
  });
  return { table: { automaton, verdicts }, sites, problems: [] };
}

/** In the order of their text, so that equal rules give equal automata. */
function patternsOf(givers: readonly Giver[]): readonly Pattern[] {
  const byText = new Map<string, PatternRule[]>();
  givers.forEach((giver, order) => {
    const { rule } = giver;
    if (!('match' in rule) || rule.match.type !== 'pattern') return;
    const alike = byText.get(rule.match.pattern) ?? [];
    alike.push({ giver, rule, order });
    byText.set(rule.match.pattern, alike);
  });
  return [...byText]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([text, rules]) => {
      const glob = globOf(text);
      return { glob, depth: hangsAt(glob), rules };
    });
}

/** Of the patterns that match, those that hang deepest decide, for each section by itself; then the strongest verdict, then the first rule. */
function verdictOf(patterns: readonly Pattern[], at: { index: number; sites: Map<string, Giver> }): PatternVerdict {
  const depths = { process: 0, file: 0 };
  let word = 0;
  for (const section of ['process', 'file'] as const) {
    const speaking = patterns.filter(({ rules }) => rules.some(({ rule }) => rule.section === section));
    depths[section] = speaking.reduce((most, { depth }) => Math.max(most, depth), 0);
    const rules = speaking.filter(({ depth }) => depth === depths[section]).flatMap((pattern) => pattern.rules);
    for (const cell of strongestCells(rules.filter(({ rule }) => rule.section === section))) {
      const { operation, owner, verdict, giver } = cell;
      word |= verdict << cellShift(operation, owner);
      at.sites.set(siteKey({ node: at.index, site: 'pattern', source: 0, operation, owner }), giver);
    }
  }
  return { word, processDepth: depths.process, fileDepth: depths.file };
}

function strongestCells(rules: readonly PatternRule[]): Iterable<Cell & Pick<PatternRule, 'giver'>> {
  const cells = new Map<string, Cell & Pick<PatternRule, 'giver'>>();
  for (const { giver, rule } of [...rules].sort((a, b) => a.order - b.order)) {
    for (const cell of cellsOf(rule, false)) {
      const key = `${cell.operation}/${cell.owner}`;
      const before = cells.get(key);
      if (before === undefined || before.verdict < cell.verdict) cells.set(key, { ...cell, giver });
    }
  }
  return cells.values();
}

function tooComplex(count: number): Problem {
  return {
    code: 'pattern-too-complex',
    severity: 'error',
    place: {},
    message: `the ${count} patterns for one container need more states together than the kernel holds`,
    hint: 'use fewer ** and * in one pattern, or name directories instead',
  };
}
