/** All that a record can have meant: each thing that it leaves open, in every way, with each of the others in every way. */
import type { Access } from './access.ts';

/** One thing that a record can have meant. */
export interface Case {
  readonly access: Access;
  /** Selectors that are taken to choose the workload, though the record does not say so. */
  readonly chosen: ReadonlySet<string>;
  /** Whether rules for `/bin` and the like are taken to be for `/usr/bin` too. */
  readonly linked: boolean;
}

/** Something that a record leaves open, and what each answer makes of a case. */
export interface Question {
  /** After "the record does not say". */
  readonly what: string;
  readonly answers: readonly ((one: Case) => Case)[];
}

/** More of them are not tried. */
const MAX_CASES = 256;

/**
 * What `resultOf` gives where every case gives the same; else the questions on which it hangs. A question without answers, or more cases than
 * can be tried, leave it open too.
 */
export function settle(
  base: Case,
  questions: readonly Question[],
  resultOf: (one: Case) => string,
): { readonly result: string; readonly first: Case } | { readonly hangsOn: readonly string[] } {
  const unanswerable = questions.filter(({ answers }) => answers.length === 0);
  if (unanswerable.length > 0) return { hangsOn: unanswerable.map(({ what }) => what) };
  const number = questions.reduce((product, { answers }) => product * answers.length, 1);
  if (number > MAX_CASES) return { hangsOn: questions.filter(({ answers }) => answers.length > 1).map(({ what }) => what) };
  const cases = questions.reduce<readonly Tried[]>(
    (tried, { answers }) => tried.flatMap(({ made, at }) => answers.map((answer, index) => ({ made: answer(made), at: [...at, index] }))),
    [{ made: base, at: [] }],
  );
  const results = cases.map(({ made }) => resultOf(made));
  const [first] = cases;
  const [result = ''] = results;
  if (first !== undefined && results.every((one) => one === result)) return { result, first: first.made };
  return { hangsOn: questions.filter((_question, index) => isDeciding(index, cases, results)).map(({ what }) => what) };
}

interface Tried {
  readonly made: Case;
  /** Which answer each question got. */
  readonly at: readonly number[];
}

/** Whether two cases that differ in nothing but the answer to this question differ in their results. */
function isDeciding(question: number, cases: readonly Tried[], results: readonly string[]): boolean {
  const seen = new Map<string, string>();
  return cases.some(({ at }, index) => {
    const others = at.filter((_answer, position) => position !== question).join(' ');
    const result = results[index] ?? '';
    const known = seen.get(others);
    seen.set(others, result);
    return known !== undefined && known !== result;
  });
}
