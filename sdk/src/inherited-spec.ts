/** KubeArmor's API, the parts that rules of several sections have; the rest is in kubearmor-spec.ts. */
import type { Action } from '@parapet/policy';

/** Values that a rule, a section and a policy can each give; the innermost one counts. */
export interface Inherited {
  /**
   * How serious a violation is, from 1 (lowest) to 10.
   * @default - the section's, else the policy's, else 1
   */
  readonly severity?: number;
  /**
   * Labels for people and log systems, copied to alerts.
   * @default - the section's, else the policy's, else none
   */
  readonly tags?: readonly string[];
  /**
   * A sentence for whoever reads the alert.
   * @default - the section's, else the policy's, else empty
   */
  readonly message?: string;
  /**
   * What happens to an operation that the rule matches. One `Allow` makes the whole class an allow-list.
   * @default - the section's, else the policy's, else `Block`
   */
  readonly action?: Action;
}

/** The acting program: one executable, or all in a directory. */
export type FromSource =
  | {
      /** Absolute path of an executable; symbolic links are followed in the container. */
      readonly path: string;
    }
  | {
      /** Absolute path of a directory of executables, which ends in `/`. */
      readonly dir: string;
      /**
       * Also executables below it.
       * @default false
       */
      readonly recursive?: boolean;
    };

/** Rules that may be about some programs only. */
export interface WithSources {
  /**
   * Programs whose operations the rule is about. For process rules: the program that calls `execve`.
   * @default - any program
   */
  readonly fromSource?: readonly FromSource[];
}
