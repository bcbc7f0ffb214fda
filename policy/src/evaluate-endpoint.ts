/** The reference evaluator for network endpoints: whether a rule is about an access, and how deep it is. docs/semantics.md as functions. */
import type { Access, EndpointUse } from './access.ts';
import { contains } from './address.ts';
import type { EndpointRule } from './model.ts';
import { carries, isInternet, portsOf } from './network.ts';

type NetworkAccess = Extract<Access, { type: 'network' }>;

/** How a rule is about an access: by the address, or because it lets the socket through to some address; `no` where it is not about it. */
export function endpointRelation(rule: EndpointRule, access: NetworkAccess): 'address' | 'opens' | 'no' {
  if (!isInternet(access.family)) return 'no';
  if (access.endpoint !== undefined && isAboutAddress(rule, { ...access, endpoint: access.endpoint })) return 'address';
  const opens = rule.action !== 'Block' && carries(access, rule.endpoint.protocol) === 'surely';
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
  const certainty = carries(access, endpoint.protocol);
  return (certainty === 'surely' || (certainty === 'perhaps' && action === 'Block')) && isAboutPort({ endpoint, action }, access);
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
