/** Events in the words that KubeArmor's alerts use. */
import type { EndpointUse } from './access.ts';
import { addressText, parseAddress, unmapped } from './address.ts';
import type { Section } from './model.ts';
import { PRESET_NAMES } from './model.ts';
import { CAPABILITIES } from './capability.ts';
import type { DecodedEvent } from './event.ts';
import { carriedProtocol, isInternet } from './network.ts';
import type { Socket } from './network.ts';
import { switchOf } from './switches.ts';
import { syscallText } from './syscall.ts';

export type AlertOperation = 'Process' | 'File' | 'Network' | 'Capabilities' | 'Syscall' | 'Hardening';

const OPERATIONS: Readonly<Record<Section, AlertOperation>> = {
  process: 'Process',
  file: 'File',
  network: 'Network',
  capabilities: 'Capabilities',
  dns: 'Network',
  syscalls: 'Syscall',
  presets: 'Process',
  hardening: 'Hardening',
};

/** What an event is about, as far as its words depend on it. */
type Subject = Pick<DecodedEvent, 'section' | 'detail'>;

// prettier-ignore
const FAMILIES: Readonly<Record<number, string>> = {
  0: 'AF_UNSPEC', 1: 'AF_UNIX', 2: 'AF_INET', 3: 'AF_AX25', 4: 'AF_IPX', 5: 'AF_APPLETALK', 8: 'AF_ATMPVC', 9: 'AF_X25', 10: 'AF_INET6',
  15: 'AF_KEY', 16: 'AF_NETLINK', 17: 'AF_PACKET', 18: 'AF_ASH', 19: 'AF_ECONET', 20: 'AF_ATMSVC', 21: 'AF_RDS', 23: 'AF_IRDA',
  24: 'AF_PPPOX', 26: 'AF_LLC', 27: 'AF_IB', 28: 'AF_MPLS', 29: 'AF_CAN', 30: 'AF_TIPC', 31: 'AF_BLUETOOTH', 32: 'AF_IUCV',
  33: 'AF_RXRPC', 34: 'AF_ISDN', 35: 'AF_PHONET', 36: 'AF_IEEE802154', 37: 'AF_CAIF', 38: 'AF_ALG', 39: 'AF_NFC', 40: 'AF_VSOCK',
  41: 'AF_KCM', 42: 'AF_QIPCRTR', 43: 'AF_SMC', 44: 'AF_XDP', 45: 'AF_MCTP',
};

const TYPES: Readonly<Record<number, string>> = {
  1: 'SOCK_STREAM',
  2: 'SOCK_DGRAM',
  3: 'SOCK_RAW',
  4: 'SOCK_RDM',
  5: 'SOCK_SEQPACKET',
  6: 'SOCK_DCCP',
  10: 'SOCK_PACKET',
};

// prettier-ignore
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'ICMP', 2: 'IGMP', 4: 'IPIP', 6: 'TCP', 17: 'UDP', 33: 'DCCP', 41: 'IPV6', 47: 'GRE', 50: 'ESP', 51: 'AH', 58: 'ICMPV6',
  132: 'SCTP', 136: 'UDPLITE', 255: 'RAW', 256: 'SMC', 262: 'MPTCP',
};

/** `File` for an event of the class `file`, and for presets that keep files. */
export function operationText({ section, detail }: Subject): AlertOperation {
  const which = section === 'presets' ? switchOf(detail[0]) : undefined;
  return which === 'protectEnv' || which === 'protectProc' ? 'File' : OPERATIONS[section];
}

/** What decided, as KubeArmor names it: `PRESET-protectEnv` for a preset, else the enforcer. */
export function enforcerText({ section, detail }: Subject): 'BPFLSM' | `PRESET-${string}` {
  const preset = section === 'presets' ? PRESET_NAMES.find((name) => name === switchOf(detail[0])) : undefined;
  return preset === undefined ? 'BPFLSM' : `PRESET-${preset}`;
}

/** `domain=AF_INET type=SOCK_STREAM protocol=TCP`; what has no name is shown as its number. An internet socket's protocol 0 is the type's default. */
export function networkText(family: number, socketType: number, protocol: number): string {
  const carried = isInternet(family) ? carriedProtocol({ family, socketType, protocol }) : protocol;
  const name = isInternet(family) ? PROTOCOLS[carried] : undefined;
  return `domain=${FAMILIES[family] ?? family} type=${TYPES[socketType] ?? socketType} protocol=${name ?? carried}`;
}

/** `sa_family=AF_INET sin_port=443 sin_addr=192.0.2.7`: as KubeArmor's telemetry names a peer. */
export function endpointText({ address, port }: EndpointUse): string {
  return address.version === 4
    ? `sa_family=AF_INET sin_port=${port} sin_addr=${addressText(address)}`
    : `sa_family=AF_INET6 sin6_port=${port} sin6_addr=${addressText(address)}`;
}

/** The numbers of a socket as `networkText` (or KubeArmor, with flags after the type) writes it; undefined where that is not what is written. */
export function readNetworkText(text: string): Socket | undefined {
  const [, domain = '', type = '', name = ''] = /^domain=(\S+) type=(\S+) protocol=(\S+)/.exec(text) ?? [];
  const family = numberOf(FAMILIES, domain);
  const socketType = numberOf(TYPES, type.split('|')[0] ?? '');
  const protocol = numberOf(PROTOCOLS, name);
  return family === undefined || socketType === undefined || protocol === undefined ? undefined : { family, socketType, protocol };
}

/** The address family, address and port in what `endpointText` writes; undefined where it is not written. */
export function readEndpointText(text: string): ({ readonly family: number } & Pick<EndpointUse, 'address' | 'port'>) | undefined {
  const [, domain = '', port = '', host = ''] = /\bsa_family=(AF_INET6?) sin6?_port=(\d{1,5}) sin6?_addr=(\S+)/.exec(text) ?? [];
  const [address, family] = [parseAddress(host), numberOf(FAMILIES, domain)];
  if (address === undefined || family === undefined || Number(port) > 65_535) return undefined;
  return { family, address: unmapped(address), port: Number(port) };
}

function numberOf(names: Readonly<Record<number, string>>, text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const found = Object.entries(names).find(([, name]) => name === text);
  return found === undefined ? undefined : Number(found[0]);
}

/** `CAP_NET_RAW` for 13. */
export function capabilityText(capability: number): string {
  const name = CAPABILITIES[capability];
  return name === undefined ? `CAP_${capability}` : `CAP_${name.toUpperCase()}`;
}

/** What alerts have in `data`: `lsm=FILE_OPEN`. */
export function hookText(hook: string): string {
  return `lsm=${hook}`;
}

/** What alerts have in `data`; KubeArmor repeats there what a socket, a query or a system call was about. `name` is what was looked up. */
export function dataText(event: Told & { readonly hook: string }, name: string): string {
  if (event.section === 'dns') return `${hookText(event.hook)} domain=${name}`;
  if (event.section === 'syscalls') return `syscall=SYS_${callText(event).toUpperCase()}`;
  return event.section === 'network' ? `${hookText(event.hook)} ${resourceText(event, '')}` : hookText(event.hook);
}

/** What was acted on: `path` where there is one (with the argument that was not allowed after it) or a name was looked up, else the socket, the capability, the call or what a switch is about. */
export function resourceText(event: Told, path: string): string {
  if (event.section === 'network') {
    const socket = networkText(...event.detail);
    return event.endpoint === undefined ? socket : `${socket} ${endpointText(event.endpoint)}`;
  }
  if (event.section === 'capabilities') return capabilityText(event.detail[0]);
  if (event.section === 'syscalls') return path === '' ? callText(event) : path;
  if (event.section === 'hardening' || event.section === 'presets') return path === '' ? switchText(event.detail) : path;
  const argument = argumentOf(path);
  return argument === undefined ? path : `${programOf(path)} ${argument}`;
}

/** What an event is about, with the address that a socket was used with. */
type Told = Subject & { readonly endpoint?: EndpointUse };

function callText({ detail }: Subject): string {
  return syscallText(detail[0], detail[1] !== 0);
}

/** `ptrace pid=4711` where the event says of which process, else the switch's name. */
function switchText([number, pid]: DecodedEvent['detail']): string {
  const which = switchOf(number) ?? String(number);
  return pid !== 0 ? `${which} pid=${pid}` : which;
}

/** The path in a record's resource, which for a refused argument has that after a NUL. */
export function programOf(resource: string): string {
  return resource.split('\0', 1)[0] ?? '';
}

/** The argument that a rule did not allow; undefined where a record is about something else. */
export function argumentOf(resource: string): string | undefined {
  const at = resource.indexOf('\0');
  return at === -1 ? undefined : resource.slice(at + 1);
}
