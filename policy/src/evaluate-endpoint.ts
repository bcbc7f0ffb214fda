/** The reference evaluator for network endpoints: whether a rule is about an access, and how deep it is. docs/semantics.md as functions. */
import type { Access, EndpointUse } from './access.ts';
import { contains } from './address.ts';
import type { EndpointRule } from './model.ts';
import { carries, hasAddresses, portsOf } from './network.ts';

/** How a socket must carry the protocol that a rule names. */
const MEANS: Readonly<Record<EndpointRule['action'], readonly ReturnType<typeof carries>[]>> = {
  Allow: ['own'],
  Audit: ['own', 'surely'],
  Block: ['own', 'surely', 'perhaps'],
};

type NetworkAccess = Extract<Access, { type: 'network' }>;

/** How a rule is about an access: by the address, or because it lets the socket through to some address; `no` where it is not about it. */
export function endpointRelation(rule: EndpointRule, access: NetworkAccess): 'address' | 'opens' | 'no' {
  if (!hasAddresses(access.family)) return 'no';
  if (access.endpoint !== undefined && isAboutAddress(rule, { ...access, endpoint: access.endpoint })) return 'address';
  const opens = rule.action !== 'Block' && carries(access, rule.endpoint.protocol) === 'own';
  return opens && (access.endpoint === undefined || isAnonymous(access.endpoint)) ? 'opens' : 'no';
}

/** Binding to any address and any port says nothing about whom a socket will talk to. */
function isAnonymous({ operation, address, port }: EndpointUse): boolean {
  return operation === 'bind' && address.value === 0n && port === 0;
}

function isAboutAddress({ endpoint, action }: EndpointRule, access: NetworkAccess & { readonly endpoint: EndpointUse }): boolean {
  const use = access.endpoint;
  if (!endpoint.operations.some((operation) => operation === use.operation || (operation === 'connect' && use.operation === 'send'))) {
    return false;
  }
  if (!contains(endpoint.block, use.address) || endpoint.except.some((block) => contains(block, use.address))) return false;
  return MEANS[action].includes(carries(access, endpoint.protocol)) && isAboutPort({ endpoint, action }, access);
}

function isAboutPort({ endpoint, action }: Pick<EndpointRule, 'endpoint' | 'action'>, access: NetworkAccess): boolean {
  if (endpoint.ports.length === 0) return true;
  const kind = portsOf(access);
  const port = access.endpoint?.port ?? 0;
  if (kind === 'unknown') return action === 'Block';
  return kind === 'known' && endpoint.ports.some(({ first, last }) => first <= port && port <= last);
}

/** A longer prefix is deeper; with the same prefix, a rule that names ports. Every endpoint rule is deeper than a rule for a protocol. */
export function depthOfEndpoint(rule: EndpointRule, access: NetworkAccess): number {
  if (endpointRelation(rule, access) !== 'address') return 1;
  return 2 + rule.endpoint.block.prefix * 2 + (rule.endpoint.ports.length > 0 ? 1 : 0);
}
