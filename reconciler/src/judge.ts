/** Each manifest judged on its own: gate, parser and compiler. What a node could not hold is refused before any node sees it. */
import { claimedRef, compile, DEFAULT_POSTURES, parsePolicies, refKey } from '@parapet/policy';
import type { PolicyRef, Problem } from '@parapet/policy';
import { gateProblems, placed } from './gate.ts';
import type { GateRules } from './gate.ts';
import { fingerprint } from './manifest.ts';
import type { SynthManifest } from './ports.ts';

/** A manifest and what was found. */
export interface Judged {
  /** What it says it is called; `undefined` where it does not even say that. */
  readonly ref: PolicyRef | undefined;
  /** In the namespace where it is to be. */
  readonly value: unknown;
  readonly fingerprint: string;
  readonly rules: number;
  readonly accepted: boolean;
  /** Warnings too. */
  readonly problems: readonly Problem[];
}

/** Problems of one commit after which each manifest has one only: nobody reads more, and ten thousand manifests can have a million. */
const MOST_LISTED = 1_000;

function worst(problems: readonly Problem[]): readonly Problem[] {
  const first = problems.find(({ severity }) => severity === 'error') ?? problems[0];
  return first === undefined ? [] : [first];
}

interface Verdict {
  readonly rules: number;
  readonly accepted: boolean;
  readonly problems: readonly Problem[];
}

/** Judges many revisions of the same policies; one that is unchanged is not parsed and compiled again. */
export class Judge {
  /** Number of rules of policies without any problem, by fingerprint. */
  #good = new Map<string, number>();

  /**
   * Gives way to other work after each manifest that was compiled, which can take a tenth of a second, and after every `chunk` others.
   * `breathe` may reject to end it.
   */
  async judge(manifests: readonly SynthManifest[], rules: GateRules, breathe: () => Promise<void>): Promise<readonly Judged[]> {
    const chunk = 200;
    const judged: Judged[] = [];
    let listed = 0;
    const good = new Map<string, number>();
    const taken = new Map<string, string>();
    for (const [index, manifest] of manifests.entries()) {
      const whole = this.#one(manifest, rules, taken);
      const one = listed < MOST_LISTED ? whole : { ...whole, problems: worst(whole.problems) };
      listed += one.problems.length;
      if (one.accepted && one.problems.length === 0) good.set(one.fingerprint, one.rules);
      judged.push(one);
      if (!this.#good.has(one.fingerprint) || index % chunk === chunk - 1) await breathe();
    }
    // What this revision does not have any more is forgotten with it.
    this.#good = good;
    return judged;
  }

  #one(manifest: SynthManifest, rules: GateRules, taken: Map<string, string>): Judged {
    const value = placed(manifest.value, rules);
    const ref = claimedRef(value);
    const mark = fingerprint(value);
    const refused = [...gateProblems(value, rules), ...this.#twice(ref, manifest, taken)];
    const known = this.#good.get(mark);
    const verdict = known !== undefined ? { rules: known, accepted: true, problems: [] } : examine({ ...manifest, value });
    const place = placeOf(manifest);
    const object = ref === undefined ? {} : { object: refKey(ref) };
    const problems = [...refused.map((problem) => ({ ...problem, place: { ...place, ...object, ...problem.place } })), ...verdict.problems];
    return { ref, value, fingerprint: mark, rules: verdict.rules, accepted: verdict.accepted && refused.length === 0, problems };
  }

  /** The first of a name has it. */
  #twice(ref: PolicyRef | undefined, manifest: SynthManifest, taken: Map<string, string>): Problem[] {
    if (ref === undefined) return [];
    const { file, line } = placeOf(manifest);
    const key = refKey(ref);
    const first = taken.get(key);
    if (first === undefined) {
      taken.set(key, [file, line].filter((part) => part !== undefined).join(':'));
      return [];
    }
    const message = `the same policy is also at ${first}, and only that one is taken`;
    const hint = 'rename or remove one of them';
    return [{ code: 'duplicate-policy', severity: 'error', place: { field: 'metadata.name' }, message, hint }];
  }
}

function examine(manifest: SynthManifest): Verdict {
  const made = placeOf(manifest);
  const { policies, problems } = parsePolicies([
    { value: manifest.value, file: made.file ?? manifest.file, lineOf: (path) => manifest.lineOf?.(path) ?? made.line },
  ]);
  const [policy] = policies;
  if (policy === undefined) return { rules: 0, accepted: false, problems };
  for (const problem of compile([policy], DEFAULT_POSTURES).problems) {
    problems.push({ ...problem, place: { ...made, object: refKey(policy), ...problem.place } });
  }
  return { rules: policy.rules.length, accepted: !problems.some(({ severity }) => severity === 'error'), problems };
}

/** Authors know their program, not the manifests it made: places are in the program where that is known. */
function placeOf({ source, file }: SynthManifest): { readonly file?: string; readonly line?: number } {
  const [, program, line] = /^(.+?):(\d+)(?::\d+)?$/.exec(source ?? '') ?? [];
  return program === undefined ? { file } : { file: program, line: Number(line) };
}
