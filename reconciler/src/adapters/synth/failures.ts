/** From how a program ended to problems in its author's words, at its author's lines. */
import type { Place, Problem, ProblemCode } from '@parapet/policy';
import { bytesText } from './limits.ts';
import type { SynthLimits } from './limits.ts';
import type { Positions } from './positions.ts';
import type { SandboxAnswer, Thrown } from './sandbox-protocol.ts';

const MAX_MESSAGE = 2000;
const MAX_PRINTED = 500;
const MAX_NAME = 100;
/** What steers terminals, or hides text in them. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const MAX_PROBLEMS = 100;
/** What the sandbox's own refusals say; `code` tells them apart where it survives, the words where it does not. */
const FORBIDDEN = 'ERR_PARAPET_FORBIDDEN';
const FORBIDDEN_WORDS = / is not possible in a policy program: /;
/** What esbuild leaves in place of an import whose name is computed. */
const COMPUTED_IMPORT = /^Dynamic require of (".*") is not supported$/;

interface Circumstances {
  readonly positions: Positions;
  readonly limits: SynthLimits;
  /** The program, relative to the repository. */
  readonly entry: string;
}

/** The problems of a program that did not end well; empty when it did. */
export function failuresOf(answer: SandboxAnswer, at: Circumstances): readonly Problem[] {
  const place = placeOf(answer.thrown[0], at);
  const printed = printedHint(answer.printed);
  switch (answer.ended) {
    case 'done':
      return answer.touched
        ? []
        : [
            problem('program-output', {
              place: { file: at.entry },
              message: 'the program made no manifests',
              hint: 'end it with app.synth()',
            }),
          ];
    case 'time': {
      const message = `the program did not finish in ${at.limits.runMs / 1000} seconds of processor time`;
      return [problem('program-timeout', { place, message, hint: 'look for a loop that never ends' })];
    }
    case 'waiting': {
      const message = 'the program waits for something that never happens';
      return [
        problem('program-timeout', {
          place: { file: at.entry },
          message,
          hint: 'a promise that nothing resolves is awaited at the top level',
        }),
      ];
    }
    case 'memory':
      return [problem('program-memory', { place, message: `the program needs more than ${bytesText(at.limits.memoryBytes)} of memory` })];
    case 'output':
      return [
        problem('program-output', {
          place: { file: at.entry },
          message: `the program makes too much: ${answer.excess ?? 'more than can be read'}`,
        }),
      ];
    case 'exit': {
      const message = `the program ended itself with exit code ${answer.exitCode}`;
      return [problem('program-threw', { place, message, ...printed })];
    }
    case 'threw':
      return answer.thrown.flatMap((thrown) => problemsOf(thrown, { at, printed })).slice(0, MAX_PROBLEMS);
  }
}

function problem(code: ProblemCode, rest: { readonly place: Place; readonly message: string; readonly hint?: string }): Problem {
  return { code, severity: 'error', ...rest };
}

/** Where in the author's files; the program itself where no line is known. */
function placeOf(thrown: Thrown | undefined, { positions, entry }: Circumstances): Place {
  const found = thrown === undefined ? undefined : positions.author(thrown.stack);
  return found ?? { file: entry };
}

function problemsOf(
  thrown: Thrown,
  { at, printed }: { readonly at: Circumstances; readonly printed: { readonly hint?: string } },
): readonly Problem[] {
  const place = placeOf(thrown, at);
  if (thrown.code === FORBIDDEN || FORBIDDEN_WORDS.test(thrown.message)) {
    const hint = thrown.hint === '' ? 'policy programs only compute manifests from the files they import' : line(thrown.hint, at);
    return [problem('forbidden-api', { place, message: line(thrown.message, at), hint })];
  }
  const [, computed] = COMPUTED_IMPORT.exec(thrown.message) ?? [];
  if (computed !== undefined) {
    const message = `loading ${line(computed, at)} at run time is not possible in a policy program`;
    return [problem('forbidden-api', { place, message, hint: "write the file's name into the import itself" })];
  }
  const listed = validationErrors(thrown.message, { at, place });
  if (listed.length > 0) return listed;
  if (thrown.name === 'RangeError' && /call stack/i.test(thrown.message)) {
    const message = 'the program calls itself too deeply';
    return [problem('program-threw', { place, message, hint: 'look for a recursion that never ends' })];
  }
  const name = thrown.name === '' || thrown.name === 'Error' ? '' : `${line(thrown.name, at).slice(0, MAX_NAME)}: `;
  return [problem('program-threw', { place, message: `the program threw ${name}${line(thrown.message, at)}`, ...printed })];
}

/** What cdk8s says when constructs find themselves invalid: a line for each, with the construct's path. */
function validationErrors(message: string, { at, place }: { readonly at: Circumstances; readonly place: Place }): readonly Problem[] {
  const [first, ...rest] = message.split('\n');
  if (first?.startsWith('Validation failed with the following errors') !== true) return [];
  return rest.flatMap((text) => {
    const [, object, said] = /^\s*\[([^\]]*)\] (.*)$/.exec(text) ?? [];
    if (object === undefined || said === undefined) return [];
    const words = line(said, at);
    const [, file, number, plain] = /^(?!\/|.*\.\.\/)([\w@./ -]+\.[cm]?[jt]sx?):(\d+): (.*)$/.exec(words) ?? [];
    if (file === undefined || plain === undefined) return [problem('program-threw', { place: { ...place, object }, message: words })];
    return [problem('program-threw', { place: { file, line: Number(number), object }, message: plain })];
  });
}

/** One line of bounded length, with positions in the bundle turned into the author's. */
function line(text: string, { positions }: Circumstances): string {
  const flat = text
    .slice(0, MAX_MESSAGE * 2)
    .replaceAll(/\s*\n\s*/g, '; ')
    .replaceAll(CONTROL, ' ')
    .trim();
  return positions.translate(flat).slice(0, MAX_MESSAGE).replace(/[.]$/, '');
}

/** What the program printed last often says why it gave up. */
function printedHint(printed: readonly string[]): { readonly hint?: string } {
  const text = printed.join('; ').replaceAll(CONTROL, ' ').replaceAll(/\s+/g, ' ').trim();
  return text === '' ? {} : { hint: `it printed: ${text.slice(-MAX_PRINTED)}` };
}
