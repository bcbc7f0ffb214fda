/** `network.matchEndpoints`: addresses, ports and operations as written, to what they mean. */
import { blockText, contains, readBlock } from './address.ts';
import type { AddressBlock } from './address.ts';
import { ENDPOINT_OPERATIONS, ENDPOINT_PROTOCOLS } from './model.ts';
import type { EndpointMatch, EndpointOperation, EndpointProtocol, PortRange } from './model.ts';
import { at, checkFields, isAbsent, readChoice, readList, readNeededString, readObject, refuse, refuseMissing, show } from './reading.ts';
import type { Cursor } from './reading.ts';

/** Fields of an endpoint rule beyond those that all rules have. */
export const ENDPOINT_FIELDS = ['cidr', 'except', 'ports', 'protocol', 'operations'] as const;
export const ENDPOINT_HINTS: Readonly<Record<string, string>> = {
  port: 'ports: [{ port: 443 }]',
  domain: 'names go under matchDNSQueries',
  operation: 'operations: [connect]',
};

const DEFAULT_OPERATIONS: readonly EndpointOperation[] = ['connect', 'send'];
const MAX_PORT = 65_535;

/** What the rule is about, once for each block that `cidr` lists. Everything that is wrong is noted. */
export function readEndpoints(rule: Cursor): readonly EndpointMatch[] {
  const blocks = readBlocks(at(rule, 'cidr'));
  const except = readExcept(at(rule, 'except'), blocks);
  const ports = readList(at(rule, 'ports')).flatMap(readPorts);
  const protocol = readProtocol(at(rule, 'protocol'));
  const operations = readOperations(at(rule, 'operations'));
  return blocks.map((block) => ({ block, except: except.filter((hole) => contains(block, hole)), ports, protocol, operations }));
}

/** One block, or a list of at least one; each once. */
function readBlocks(cursor: Cursor): readonly AddressBlock[] {
  if (isAbsent(cursor)) refuseMissing(cursor, { hint: 'a block of addresses, like 10.0.0.0/8; ::/0 is every IPv6 address' });
  if (Array.isArray(cursor.value) && cursor.value.length === 0) {
    refuse(cursor, { code: 'invalid-address', message: 'lists no address', hint: 'every address: [0.0.0.0/0, ::/0]' });
  }
  const blocks = (typeof cursor.value === 'string' ? [cursor] : readList(cursor)).flatMap(readOneBlock);
  return [...new Map(blocks.map((block) => [blockText(block), block])).values()];
}

function readOneBlock(cursor: Cursor): readonly AddressBlock[] {
  const text = readNeededString(cursor);
  if (text === undefined) return [];
  const block = readBlock(text);
  if ('prefix' in block) return [block];
  refuse(cursor, { code: 'invalid-address', ...block });
  return [];
}

function readExcept(list: Cursor, blocks: readonly AddressBlock[]): readonly AddressBlock[] {
  return readList(list).flatMap((element) => {
    const [block] = readOneBlock(element);
    if (block === undefined) return [];
    const inside = blocks.some((outer) => contains(outer, block) && outer.prefix < block.prefix);
    if (inside) return [block];
    // where cidr itself is wrong, that is said already
    if (blocks.length > 0) {
      const hint = `cidr has ${blocks.slice(0, 3).map(blockText).join(', ')}`;
      refuse(element, { code: 'invalid-address', message: `${blockText(block)} is no part of the rule's addresses`, hint });
    }
    return [];
  });
}

function readPorts(element: Cursor): readonly PortRange[] {
  const range = readObject(element);
  if (range === undefined) {
    if (isAbsent(element)) refuseMissing(element);
    return [];
  }
  checkFields(range, { known: ['port', 'endPort'] });
  if (isAbsent(at(range, 'port'))) refuseMissing(at(range, 'port'), { hint: 'port: 443, or port: 8000 with endPort: 8999' });
  const first = readPort(at(range, 'port'));
  const last = isAbsent(at(range, 'endPort')) ? first : readPort(at(range, 'endPort'));
  if (first === undefined || last === undefined) return [];
  if (last >= first) return [{ first, last }];
  refuse(at(range, 'endPort'), {
    code: 'invalid-value',
    message: `is ${last}, and the range begins at ${first}`,
    hint: 'endPort is the larger one',
  });
  return [];
}

function readPort(cursor: Cursor): number | undefined {
  if (isAbsent(cursor)) return undefined;
  const { value } = cursor;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_PORT) return value;
  const code = typeof value === 'number' ? 'invalid-value' : 'wrong-type';
  const hint = typeof value === 'string' ? { hint: 'ports are numbers, without quotes; names of services are not known here' } : {};
  refuse(cursor, { code, message: `must be a whole number from 1 to ${MAX_PORT}, not ${show(value)}`, ...hint });
  return undefined;
}

function readProtocol(cursor: Cursor): EndpointProtocol {
  if (isAbsent(cursor)) return 'any';
  const lower = typeof cursor.value === 'string' ? { ...cursor, value: cursor.value.toLowerCase() } : cursor;
  return readChoice(lower, ENDPOINT_PROTOCOLS) ?? 'any';
}

function readOperations(list: Cursor): readonly EndpointOperation[] {
  const elements = readList(list);
  if (elements.length === 0) return DEFAULT_OPERATIONS;
  const asked = elements.map((element) => readChoice(element, ENDPOINT_OPERATIONS));
  return ENDPOINT_OPERATIONS.filter((operation) => asked.includes(operation));
}
