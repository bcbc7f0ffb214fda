import { expect, test } from '@jest/globals';
import { blockText } from '@parapet/policy';
import { errorsOf, parsed } from './manifests.ts';

function rulesOf(rule: Readonly<Record<string, unknown>>): unknown[] {
  const { rules } = parsed({ spec: { network: { matchEndpoints: [rule] } } });
  return rules.map((one) => {
    if (!('endpoint' in one)) throw new Error(`${one.field} is about no endpoint`);
    const { block, except, ...rest } = one.endpoint;
    return { block: blockText(block), except: except.map(blockText), ...rest };
  });
}

function errorsIn(rule: Readonly<Record<string, unknown>>): string[] {
  const start = 'spec.network.matchEndpoints[0]';
  return errorsOf({ spec: { network: { matchEndpoints: [rule] } } }).map(
    ({ place, message, hint, code }) =>
      `${(place.field ?? '').replace(start, '')}: ${message}${hint === undefined ? '' : ` (${hint})`} [${code}]`,
  );
}

test('a block alone means connecting and sending, with any protocol and port', () => {
  expect(rulesOf({ cidr: '10.0.0.0/8' })).toEqual([
    { block: '10.0.0.0/8', except: [], ports: [], protocol: 'any', operations: ['connect', 'send'] },
  ]);
});

test('a list of blocks gives a rule for each, once, with the exceptions that lie in it', () => {
  const rule = { cidr: ['10.0.0.0/8', '::/0', '10.0.0.0/8'], except: ['10.1.0.0/16', 'fd00::/8'] };
  expect(rulesOf(rule)).toMatchObject([
    { block: '10.0.0.0/8', except: ['10.1.0.0/16'] },
    { block: '::/0', except: ['fd00::/8'] },
  ]);
});

test('ports, protocol and operations are read', () => {
  const ports = [{ port: 443 }, { port: 8000, endPort: 8999 }];
  const rule = { cidr: '0.0.0.0/0', ports, protocol: 'TCP', operations: ['accept', 'bind', 'bind'] };
  expect(rulesOf(rule)).toMatchObject([
    {
      ports: [
        { first: 443, last: 443 },
        { first: 8000, last: 8999 },
      ],
      protocol: 'tcp',
      operations: ['bind', 'accept'],
    },
  ]);
});

test('what all rules have is inherited', () => {
  const policy = parsed({
    spec: { severity: 5, network: { action: 'Audit', matchEndpoints: [{ cidr: '::1', fromSource: [{ path: '/bin/sh' }], message: 'm' }] } },
  });
  expect(policy.rules).toMatchObject([{ action: 'Audit', severity: 5, from: ['/bin/sh'], message: 'm' }]);
});

test.each<[Readonly<Record<string, unknown>>, string[]]>([
  [{}, ['.cidr: is required (a block of addresses, like 10.0.0.0/8; ::/0 is every IPv6 address) [missing-field]']],
  [{ cidr: 7 }, ['.cidr: must be a list, not 7 [wrong-type]']],
  [{ cidr: [] }, ['.cidr: lists no address (every address: [0.0.0.0/0, ::/0]) [invalid-address]']],
  [
    { cidr: ['10.1.0.0/8', 'x'] },
    [
      '.cidr[0]: has bits set after its prefix (write 10.0.0.0/8) [invalid-address]',
      '.cidr[1]: "x" is no IPv4 or IPv6 address or block (like 10.0.0.0/8, 192.0.2.7, fd00::/8 or ::/0) [invalid-address]',
    ],
  ],
  [
    { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] },
    [".except[0]: 11.0.0.0/16 is no part of the rule's addresses (cidr has 10.0.0.0/8) [invalid-address]"],
  ],
  [
    { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] },
    [".except[0]: 10.0.0.0/8 is no part of the rule's addresses (cidr has 10.0.0.0/8) [invalid-address]"],
  ],
  [{ cidr: '::1', ports: [{ port: 0 }] }, ['.ports[0].port: must be a whole number from 1 to 65535, not 0 [invalid-value]']],
  [
    { cidr: '::1', ports: [{ port: 'https' }] },
    [
      '.ports[0].port: must be a whole number from 1 to 65535, not "https" (ports are numbers, without quotes; names of services are not known here) [wrong-type]',
    ],
  ],
  [{ cidr: '::1', ports: [{ endPort: 5 }] }, ['.ports[0].port: is required (port: 443, or port: 8000 with endPort: 8999) [missing-field]']],
  [
    { cidr: '::1', ports: [{ port: 9, endPort: 8 }] },
    ['.ports[0].endPort: is 8, and the range begins at 9 (endPort is the larger one) [invalid-value]'],
  ],
  [{ cidr: '::1', ports: [80] }, ['.ports[0]: must be an object, not 80 [wrong-type]']],
  [{ cidr: '::1', port: 80 }, ['.port: is not a field of this API (ports: [{ port: 443 }]) [unknown-field]']],
  [{ cidr: '::1', protocol: 'icmp' }, ['.protocol: must be tcp or udp or sctp, not "icmp" [invalid-value]']],
  [
    { cidr: '::1', operations: ['conect'] },
    ['.operations[0]: must be connect or send or bind or listen or accept, not "conect" (did you mean connect?) [invalid-value]'],
  ],
  [
    { cidr: 'x', except: ['10.0.0.0/8'], ports: [{ port: 1.5 }] },
    [
      '.cidr: "x" is no IPv4 or IPv6 address or block (like 10.0.0.0/8, 192.0.2.7, fd00::/8 or ::/0) [invalid-address]',
      '.ports[0].port: must be a whole number from 1 to 65535, not 1.5 [invalid-value]',
    ],
  ],
])('%j is refused with everything that is wrong', (rule, errors) => {
  expect(errorsIn(rule)).toEqual(errors);
});
