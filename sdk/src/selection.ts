/** Which workloads: from the words of the intent-level policies to KubeArmor's selectors. */
import type { MatchExpression } from './kubearmor-spec.ts';

/** Labels by name; several values mean any of them. */
export type LabelValues = Readonly<Record<string, string | readonly string[]>>;

export interface LabelSelection {
  /**
   * Labels with one of the given values, each of which must hold.
   * @default - none
   */
  readonly selectAny?: LabelValues;
  /**
   * Labels that exclude a container that has one of the given values.
   * @default - none
   */
  readonly selectNone?: LabelValues;
}

/** One `In` expression for each label of `selectAny`, one `NotIn` for each of `selectNone`. */
export function labelExpressions({ selectAny = {}, selectNone = {} }: LabelSelection): MatchExpression<'label'>[] {
  return [...expressions('In', selectAny), ...expressions('NotIn', selectNone)];
}

function expressions(operator: 'In' | 'NotIn', labels: LabelValues): MatchExpression<'label'>[] {
  return Object.entries(labels).map(([name, values]) => ({
    key: 'label',
    operator,
    values: (typeof values === 'string' ? [values] : values).map((value) => `${name}=${value}`),
  }));
}
