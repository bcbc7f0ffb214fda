/** Domain names: how rules write them, and which forms of a queried name rules are about. */
import { utf8 } from './utf8.ts';

const MAX_NAME = 253;
const MAX_LABEL = 63;

export interface DomainFault {
  readonly message: string;
  readonly hint?: string;
}

/** A domain as a rule writes it, in lower case without dots at its ends; or what is wrong with it. */
export function readDomain(text: string): string | DomainFault {
  const domain = text.replace(/^\.|\.$/g, '').toLowerCase();
  const labels = domain.split('.');
  if (domain === '') return { message: 'is the root, below which every name is', hint: 'name a domain, like example.com' };
  if (domain.startsWith('*.'))
    return { message: 'must not be a pattern', hint: `write ${domain.slice(2)}: every name below it is meant too` };
  if (/\P{ASCII}/u.test(domain)) return { message: 'has letters that no query carries', hint: 'write it as it is looked up: xn--…' };
  if (labels.includes('')) return { message: 'has two dots in a row' };
  if (!/^[a-z0-9_-]+$/.test(labels.join(''))) return { message: 'is no domain', hint: 'letters, digits, - and _ between dots' };
  const long = labels.find((label) => utf8(label).length > MAX_LABEL);
  if (long !== undefined) return { message: `has a part of ${long.length} characters, and the longest has ${MAX_LABEL}` };
  return domain.length > MAX_NAME ? { message: `has ${domain.length} characters, and the longest name has ${MAX_NAME}` } : domain;
}

/** The parts of a queried name, the top-level domain last. */
export function labelsOf(name: string): readonly string[] {
  return name
    .replace(/\.$/, '')
    .toLowerCase()
    .split('.')
    .filter((label) => label !== '');
}

/**
 * The forms in which rules are about a queried name, in the order in which they are tried: as it is, then without what the search list of a
 * pod's resolver puts behind it (`google.com.shop.svc.cluster.local` asks for `google.com`).
 */
export function formsOf(name: string): readonly (readonly string[])[] {
  const labels = labelsOf(name);
  if (labels.at(-1) !== 'local' || labels.at(-2) !== 'cluster') return [labels];
  const suffixes = labels.at(-3) === 'svc' ? [4, 3, 2] : [2];
  return [labels, ...suffixes.filter((length) => labels.length > length).map((length) => labels.slice(0, -length))];
}
