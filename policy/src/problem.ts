/**
 * A problem is something wrong with the user's input: a value, never thrown, always collected with all the others.
 * The codes are the catalogue in `docs/problems.md`; a contract test holds both to each other.
 */

/** Every code there is, by who gives it. */
// prettier-ignore
export const PROBLEM_CODES = [
  // policies
  'wrong-type', 'missing-field', 'unknown-field', 'invalid-value', 'invalid-name', 'invalid-path', 'invalid-address', 'pattern-in-path',
  'invalid-pattern', 'pattern-too-complex', 'not-enforced-yet',
  'unknown-kind', 'wrong-api-version', 'duplicate-policy', 'no-rules', 'selects-nothing', 'ignored-namespace', 'provenance-malformed',
  'preset-allow', 'syscall-not-blockable', 'syscall-without-path', 'table-too-large',
  // files and programs
  'yaml-syntax', 'file-unreadable', 'not-a-policy', 'no-program', 'bundle-failed', 'import-refused', 'lock-file-unusable',
  'package-substituted', 'forbidden-api', 'program-threw',
  'program-timeout', 'program-memory', 'program-output', 'telemetry-unreadable',
  // sources
  'repository-unreachable', 'ref-not-found', 'path-not-found', 'repository-entry', 'repository-too-large',
  'signature-invalid',
  // the reconciler
  'empty-result', 'target-not-ours', 'kind-not-allowed', 'namespace-not-allowed', 'owned-by-another', 'drifted', 'prune-blocked',
  'server-refused', 'field-conflict',
  // nodes
  'config-invalid', 'kernel-no-btf', 'kernel-no-bpf-lsm', 'kernel-refused', 'hook-missing',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** Where in the user's input a problem is. Every part is optional; printers show what is there. */
export interface Place {
  /** File as the user knows it, relative to the repository or the policies directory. */
  readonly file?: string;
  /** 1-based line in `file`. */
  readonly line?: number;
  /** 1-based column in `file`. */
  readonly column?: number;
  /** The object: `KubeArmorPolicy default/no-shell`. */
  readonly object?: string;
  /** The field: `spec.process.matchPaths[0].path`. */
  readonly field?: string;
}

export interface Problem {
  /** Catalogue code, for example `unknown-field`. */
  readonly code: ProblemCode;
  /** `error` refuses the object; `warning` does not. */
  readonly severity: 'error' | 'warning';
  readonly place: Place;
  /** What is wrong, one sentence without a full stop. */
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string;
}

/**
 * One line for people: `policies/a.yaml:3:5: KubeArmorPolicy default/a: spec.action: … (hint) [code]`. Control and formatting characters,
 * which hostile input could steer a terminal with, become spaces.
 */
export function formatProblem(problem: Problem): string {
  const { file, line, column, object, field } = problem.place;
  const at = [file, line, column].filter((part) => part !== undefined).join(':');
  const where = [at, object, field].filter((part) => part !== undefined && part !== '').join(': ');
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  const level = problem.severity === 'warning' ? 'warning: ' : '';
  const text = `${where === '' ? '' : `${where}: `}${level}${problem.message}${hint} [${problem.code}]`;
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
