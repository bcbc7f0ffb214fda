/** Rules for arguments as the bytes of the kernel's map. */
import { LAYOUT, MAX_ARGUMENT_RULES, WHO } from './abi.ts';
import { block } from './bytes.ts';
import type { ArgumentTable } from './table.ts';

export interface EncodedArguments {
  /** `struct source_key` to `struct argument_rules`. */
  readonly argumentKeys: Uint8Array;
  readonly argumentRules: Uint8Array;
  readonly argumentCount: number;
}

/** `nodeBase` is added to ids of nodes and lists. More rules for one place than the kernel holds are left out: `tooLarge` refuses them. */
export function encodeArguments({ places, lists }: ArgumentTable, nodeBase: number): EncodedArguments {
  const { source_key: keyAt, argument_rules: valueAt, argument_rule: ruleAt } = LAYOUT;
  const keys = block(places.length, keyAt.size);
  const values = block(places.length, valueAt.size);
  const withEmpty = new Set(lists.filter(({ empty }) => empty).map(({ id }) => id));
  places.forEach(({ node, source, rules }, i) => {
    keys.view.setUint32(i * keyAt.size + keyAt.node, nodeBase + node, true);
    keys.view.setUint32(i * keyAt.size + keyAt.source, source, true);
    rules.slice(0, MAX_ARGUMENT_RULES).forEach(({ list, refusal, ownerOnly }, j) => {
      const at = i * valueAt.size + valueAt.rules + j * ruleAt.size;
      values.view.setUint32(at + ruleAt.list, nodeBase + list, true);
      values.view.setUint8(at + ruleAt.verdict, refusal);
      values.view.setUint8(at + ruleAt.who, ownerOnly ? 1 << WHO.owner : (1 << WHO.owner) | (1 << WHO.other));
      values.view.setUint8(at + ruleAt.empty, withEmpty.has(list) ? 1 : 0);
    });
  });
  return { argumentKeys: keys.bytes, argumentRules: values.bytes, argumentCount: places.length };
}
