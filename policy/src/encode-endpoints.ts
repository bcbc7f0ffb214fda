/** Blocks of addresses as the bytes of the kernel's map. */
import { ENDPOINT_OPERATION, ENDPOINT_PROTOCOL, LAYOUT, VERDICT } from './abi.ts';
import { addressBytes } from './address.ts';
import { block } from './bytes.ts';
import type { EndpointEntry, EndpointNode } from './table.ts';

/** Bits of the key before the address. */
const KEY_BITS = 64;

/** `root` is the id of the table's root, which tells the tables apart in the one map. */
export function encodeEndpoints(
  nodes: readonly EndpointNode[],
  root: number,
): { endpointKeys: Uint8Array; endpoints: Uint8Array; endpointCount: number } {
  const { endpoint_key: keyAt, endpoint: valueAt, endpoint_entry: entryAt } = LAYOUT;
  const keys = block(nodes.length, keyAt.size);
  const values = block(nodes.length, valueAt.size);
  nodes.forEach(({ block: addresses, entries }, i) => {
    const key = i * keyAt.size;
    keys.view.setUint32(key + keyAt.prefix, KEY_BITS + addresses.prefix, true);
    keys.view.setUint32(key + keyAt.root, root, true);
    keys.view.setUint32(key + keyAt.version, addresses.version, true);
    keys.bytes.set(addressBytes(addresses), key + keyAt.address);
    const value = i * valueAt.size;
    values.view.setUint32(value + valueAt.count, entries.length, true);
    entries.forEach((entry, j) => putEntry(values.view, value + valueAt.entries + j * entryAt.size, entry));
  });
  return { endpointKeys: keys.bytes, endpoints: values.bytes, endpointCount: nodes.length };
}

function putEntry(view: DataView, offset: number, entry: EndpointEntry): void {
  const at = LAYOUT.endpoint_entry;
  view.setUint32(offset + at.number, entry.number, true);
  view.setUint32(offset + at.source, entry.source, true);
  view.setUint16(offset + at.first_port, entry.ports?.first ?? 0, true);
  view.setUint16(offset + at.last_port, entry.ports?.last ?? 0xffff, true);
  view.setUint8(offset + at.verdict, VERDICT[entry.verdict]);
  view.setUint8(
    offset + at.operations,
    entry.operations.reduce((bits, operation) => bits | (1 << ENDPOINT_OPERATION[operation]), 0),
  );
  view.setUint8(offset + at.protocols, ENDPOINT_PROTOCOL[entry.protocol]);
  view.setUint8(offset + at.any_port, entry.ports === undefined ? 1 : 0);
}
