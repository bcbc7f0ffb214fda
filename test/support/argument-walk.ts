/** The kernel's rules for arguments over the bytes of an encoded table, for tests: what bpf/arguments.h does. */
import type { EncodedTable } from '@parapet/policy';

/** Rules by the 8 bytes of their key, as hexadecimal digits. */
export type ArgumentRules = ReadonlyMap<string, Buffer>;

const RULE = 8;
const VALUE = 8 * RULE;

export function loadArguments({ argumentKeys, argumentRules, argumentCount }: EncodedTable): ArgumentRules {
  const slice = (bytes: Uint8Array, size: number, at: number): Buffer => Buffer.from(bytes.subarray(at * size, (at + 1) * size));
  return new Map(
    Array.from({ length: argumentCount }, (_, i) => [slice(argumentKeys, 8, i).toString('hex'), slice(argumentRules, VALUE, i)] as const),
  );
}

/** The strongest of what the rules of a place say; undefined where they are content. `has`: whether a list has an edge for these bytes. */
export function walkArguments(
  rules: ArgumentRules,
  at: { node: number; source: number; owner: boolean; given: readonly string[]; has: (list: number, argument: Uint8Array) => boolean },
): { verdict: number; list: number } | undefined {
  const key = Buffer.alloc(8);
  key.writeUInt32LE(at.node, 0);
  key.writeUInt32LE(at.source, 4);
  const value = rules.get(key.toString('hex'));
  let worst: { verdict: number; list: number } | undefined;
  for (let offset = 0; value !== undefined && offset < VALUE; offset += RULE) {
    const [list, verdict, who, empty] = [value.readUInt32LE(offset), value[offset + 4]!, value[offset + 5]!, value[offset + 6]!];
    if (list === 0 || ((who >> (at.owner ? 0 : 1)) & 1) === 0) continue;
    const content = at.given.every((argument) => (argument === '' ? empty === 1 : at.has(list, new TextEncoder().encode(argument))));
    if (!content && verdict > (worst?.verdict ?? 0)) worst = { verdict, list };
  }
  return worst;
}
