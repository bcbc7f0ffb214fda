import { expect, test } from '@jest/globals';
import { CAPABILITIES, capabilityNumber } from '@parapet/policy';

test('capabilities have the numbers of linux/capability.h', () => {
  expect(CAPABILITIES).toHaveLength(41);
  const numbers = { chown: 0, kill: 5, net_raw: 13, sys_admin: 21, mknod: 27, setfcap: 31, mac_admin: 33, bpf: 39, checkpoint_restore: 40 };
  for (const [name, number] of Object.entries(numbers)) expect(CAPABILITIES[number]).toBe(name);
});

test('a capability is found in any case, with and without cap_', () => {
  expect(['net_raw', 'NET_RAW', 'cap_net_raw', 'CAP_NET_RAW'].map(capabilityNumber)).toEqual([13, 13, 13, 13]);
  expect(['net', 'cap_cap_net_raw', '', 'toString'].map(capabilityNumber)).toEqual([undefined, undefined, undefined, undefined]);
});
