/** Endpoint rules as the kernel looks them up: for every block of addresses, all rules that are about it, the one that wins first. */
import { VERDICT } from './abi.ts';
import { blockText, contains, widened } from './address.ts';
import type { AddressBlock } from './address.ts';
import { ENDPOINT_OPERATIONS } from './model.ts';
import type { EndpointRule, Policy, PortRange } from './model.ts';
import { endpointSiteKey } from './site.ts';
import type { EndpointEntry, EndpointNode } from './table.ts';

export interface EndpointGiver {
  readonly policy: Policy;
  readonly rule: EndpointRule;
}

/** An entry before it has its number, and how deep it is. */
interface Draft {
  readonly entry: Omit<EndpointEntry, 'number'>;
  readonly giver: EndpointGiver;
  readonly depth: number;
}

interface Spot {
  readonly block: AddressBlock;
  readonly givers: EndpointGiver[];
}

const ACTION_VERDICT = { Allow: 'allow', Audit: 'audit', Block: 'block' } as const;
const ALL_PORTS: PortRange = { first: 0, last: 65_535 };

/** The blocks of a table with what is said about each, and which rule each entry comes from. `classesOf`: a rule's source classes, 0 for any. */
export function endpointNodes(
  givers: readonly EndpointGiver[],
  classesOf: (rule: EndpointRule) => readonly number[],
): { nodes: readonly EndpointNode[]; sites: ReadonlyMap<string, EndpointGiver> } {
  const spots = spotsOf(givers);
  const sites = new Map<string, EndpointGiver>();
  const nodes = [...spots.values()].sort(byBlock).map(({ block }): EndpointNode => {
    const drafts = giversAround(spots, block).flatMap((giver) => draftsOf(giver, classesOf(giver.rule)));
    const entries = winners(drafts).map(({ giver, entry }): EndpointEntry => {
      const number = sites.size + 1;
      sites.set(endpointSiteKey(number), giver);
      return { number, ...entry };
    });
    return { block, entries };
  });
  return { nodes, sites };
}

/** Every block that a rule names, also one that it leaves out: there the rules around it count again. */
function spotsOf(givers: readonly EndpointGiver[]): Map<string, Spot> {
  const spots = new Map<string, Spot>();
  const spotAt = (block: AddressBlock): Spot => {
    const spot = spots.get(blockText(block)) ?? { block, givers: [] };
    spots.set(blockText(block), spot);
    return spot;
  };
  for (const giver of givers) {
    spotAt(giver.rule.endpoint.block).givers.push(giver);
    for (const block of giver.rule.endpoint.except) spotAt(block);
  }
  return spots;
}

function giversAround(spots: ReadonlyMap<string, Spot>, block: AddressBlock): EndpointGiver[] {
  const found: EndpointGiver[] = [];
  for (let prefix = block.prefix; prefix >= 0; prefix -= 1) {
    const spot = spots.get(blockText(widened(block, prefix)));
    found.push(...(spot?.givers ?? []).filter(({ rule }) => !rule.endpoint.except.some((hole) => contains(hole, block))));
  }
  return found;
}

function draftsOf(giver: EndpointGiver, sources: readonly number[]): Draft[] {
  const { block, ports, protocol } = giver.rule.endpoint;
  const depth = block.prefix * 2 + (ports.length > 0 ? 1 : 0);
  const asked = giver.rule.endpoint.operations;
  const operations = ENDPOINT_OPERATIONS.filter(
    (operation) => asked.includes(operation) || (operation === 'send' && asked.includes('connect')),
  );
  const verdict = ACTION_VERDICT[giver.rule.action];
  const ranges = ports.length === 0 ? [{}] : ports.map((range) => ({ ports: range }));
  return sources.flatMap((source) => ranges.map((range) => ({ entry: { source, ...range, protocol, operations, verdict }, giver, depth })));
}

/** In the order in which they win, without those that an entry before them makes unreachable. Equal entries keep their order. */
function winners(drafts: readonly Draft[]): Draft[] {
  const kept: Draft[] = [];
  for (const draft of [...drafts].sort(byRight)) if (!kept.some((before) => hides(before.entry, draft.entry))) kept.push(draft);
  return kept;
}

function hides(before: Draft['entry'], after: Draft['entry']): boolean {
  const [wide, narrow] = [before.ports ?? ALL_PORTS, after.ports ?? ALL_PORTS];
  return (
    (before.source === 0 || before.source === after.source) &&
    // a rule with ports is not about what has none, and the stronger one's verdict, the more raw sockets it is about
    (before.ports === undefined || (after.ports !== undefined && wide.first <= narrow.first && narrow.last <= wide.last)) &&
    (VERDICT[before.verdict] >= VERDICT[after.verdict] ||
      (before.protocol === 'any' && (before.ports === undefined || after.verdict !== 'block'))) &&
    (before.protocol === 'any' || before.protocol === after.protocol) &&
    after.operations.every((operation) => before.operations.includes(operation))
  );
}

function byRight(one: Draft, other: Draft): number {
  const [a, b] = [one.entry, other.entry];
  if (one.depth !== other.depth) return other.depth - one.depth;
  if ((a.source === 0) !== (b.source === 0)) return a.source === 0 ? 1 : -1;
  if (a.verdict !== b.verdict) return VERDICT[b.verdict] - VERDICT[a.verdict];
  const key = ({ source, ports = ALL_PORTS, protocol, operations }: Draft['entry']): string =>
    [source, ports.first, ports.last].map((number) => String(number).padStart(6, '0')).join('/') + protocol + operations.join();
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
}

function byBlock({ block: a }: Spot, { block: b }: Spot): number {
  if (a.version !== b.version) return a.version - b.version;
  return a.value === b.value ? a.prefix - b.prefix : a.value < b.value ? -1 : 1;
}
