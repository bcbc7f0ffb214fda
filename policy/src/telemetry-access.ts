/** From a record of telemetry to the access that it tells of, and to what it leaves open about it. */
import type { Access, EndpointUse, PathOperation } from './access.ts';
import { capabilityNumber } from './capability.ts';
import { readEndpointText, readNetworkText } from './event-text.ts';
import { ENDPOINT_OPERATIONS, HARDENING_NAMES, PRESET_NAMES } from './model.ts';
import type { EndpointOperation, HardeningName, Rule } from './model.ts';
import { hasAddresses } from './network.ts';
import type { Socket } from './network.ts';
import { faultOfPlace } from './path.ts';
import { SYSCALLS } from './syscall.ts';
import type { TelemetryRecord } from './telemetry.ts';

/** Something that a record leaves open. */
export interface Open {
  /** After "the record does not say". */
  readonly what: string;
  /** All that it can be, as fields of the access; none where that is too much to try. */
  readonly could: readonly object[];
  /** Whether what the rule says can depend on it. */
  readonly matters: (rule: Rule) => boolean;
}

export type Told =
  | { readonly access: Access; readonly open: readonly Open[] }
  /** An access, but the record does not say which: why. */
  | { readonly unclear: string }
  /** No access at all: what it is. */
  | { readonly other: string };

/** No rule can list it. */
const UNLISTED_ARGUMENT = '\0';

const EITHER = (what: string, field: string, matters: Open['matters']): Open => ({
  what,
  could: [{ [field]: true }, { [field]: false }],
  matters,
});
const always = (): boolean => true;

/** The access of a record. A file is taken to be where its path says, and to have no other names. */
export function accessOf(record: TelemetryRecord): Told {
  const preset = /^PRESET-(\w+)$/.exec(record.enforcer)?.[1];
  if (preset !== undefined) {
    const which = PRESET_NAMES.find((name) => name === preset);
    return which === undefined ? { unclear: 'its preset is not known' } : byActor(record, { type: 'switch', switch: which, source: '' });
  }
  switch (record.operation) {
    case 'Process':
      return execution(record);
    case 'File':
      return fileAccess(record);
    case 'Network':
      return network(record);
    case 'Capabilities':
      return capability(record);
    case 'Syscall':
      return call(record);
    case 'Hardening':
      return hardening(record);
    case 'AlertThreshold':
      return { other: 'it tells of records that are missing' };
    case 'Resource':
      return { other: 'it tells of a resource limit' };
    default:
      return { other: 'it tells of nothing that these policies judge' };
  }
}

/** With the program that acted, or with the question which it was. */
function byActor(record: TelemetryRecord, access: Access, open: readonly Open[] = []): Told {
  const source = programOf(record.process, record.source);
  return source === '' ? { access, open: [...open, NO_PROGRAM] } : { access: { ...access, source }, open };
}

const NO_PROGRAM: Open = { what: 'which program acted', could: [], matters: ({ from }) => from.length > 0 };

/** A program's path; empty where it is not told. KubeArmor's `source` may have arguments after it. */
function programOf(name: string, source: string): string {
  if (name.startsWith('/')) return name;
  return source.startsWith('/') && !source.includes(' ') ? source : '';
}

/** `FILE_OPEN` of `lsm=FILE_OPEN …`, and `openat` of `syscall=SYS_OPENAT …`. */
function hookOf(data: string): { readonly hook?: string; readonly syscall?: string } {
  const [, kind, name = ''] = /^(lsm|syscall)=(\S+)/.exec(data) ?? [];
  if (kind === 'lsm') return { hook: name };
  return kind === 'syscall' ? { syscall: name.replace(/^SYS_/, '').toLowerCase() } : {};
}

function execution(record: TelemetryRecord): Told {
  const { process, parent, source, resource, data, own } = record;
  const { hook, syscall } = hookOf(data);
  const isExecution = (hook ?? 'SECURITY_BPRM_CHECK') === 'SECURITY_BPRM_CHECK' && /^execve(at)?$/.test(syscall ?? 'execve');
  if (!isExecution) return { unclear: 'a program was mapped or named anew, which is not judged as executing it is' };
  const named = executed(process, resource);
  if (named === undefined) return { unclear: 'the record does not say which program was executed' };
  if (named.paths.some((path) => faultOfPlace(path) !== undefined)) return { unclear: 'the path of the program is none' };
  const open = [...ownerAndTerminal(record, 'process'), ...argumentsOf(named.rest, own)];
  const [path = '', ...others] = named.paths;
  if (others.length > 0)
    open.push({ what: 'by which path it was executed', could: named.paths.map((one) => ({ path: one })), matters: always });
  const caller = programOf(parent, source);
  if (caller === '') open.push(NO_PROGRAM);
  return { access: { type: 'path', operation: 'exec', path, owner: false, source: caller }, open };
}

/** The paths by which a program may have been executed, and what stands after it. */
function executed(process: string, resource: string): { readonly paths: readonly string[]; readonly rest: string | undefined } | undefined {
  if (process.startsWith('/')) {
    if (resource === '') return { paths: [process], rest: undefined };
    if (resource === process || resource.startsWith(`${process} `)) return { paths: [process], rest: resource.slice(process.length + 1) };
    const at = resource.indexOf(' ');
    const [program, rest] = at === -1 ? [resource, ''] : [resource.slice(0, at), resource.slice(at + 1)];
    return { paths: program.startsWith('/') ? [process, program] : [process], rest };
  }
  return resource.startsWith('/') && !resource.includes(' ') ? { paths: [resource], rest: '' } : undefined;
}

/** Parapet tells the one argument that was refused, or none; KubeArmor all, with spaces between them. */
function argumentsOf(rest: string | undefined, own: boolean): Open[] {
  const words = (rest ?? '').split(' ');
  const told = rest === undefined || rest === '' ? [[]] : own || words.length === 1 ? [[rest]] : [words, [rest]];
  const lists = own || rest === undefined ? told.flatMap((list) => [list, [...list, UNLISTED_ARGUMENT]]) : told;
  const could = lists.map((list) => ({ arguments: list }));
  return [{ what: 'all arguments', could, matters: (rule) => rule.section === 'process' && rule.allowedArgs !== undefined }];
}

function ownerAndTerminal({ tty }: TelemetryRecord, section: 'process' | 'file'): Open[] {
  const owner = EITHER(
    'whether the user owns the file',
    'owner',
    (rule) => rule.section === section && 'ownerOnly' in rule && rule.ownerOnly,
  );
  return [owner, terminal(tty)];
}

function terminal(tty: string): Open {
  const could = tty === '' ? [{ terminal: true }, { terminal: false }] : [{ terminal: true }];
  return { what: 'whether there was a terminal', could, matters: ({ noTerminal }) => noTerminal === true };
}

/** `readOnly` tells reading from writing; only rules below a path tell moving it from writing to it. */
const isReadOnly: Open['matters'] = (rule) => rule.section === 'file' && rule.readOnly;

function fileAccess(record: TelemetryRecord): Told {
  const path = record.resource.length > 1 ? record.resource.replace(/\/$/, '') : record.resource;
  if (faultOfPlace(path) !== undefined) return { unclear: 'the path of the file is none' };
  const { hook, syscall } = hookOf(record.data);
  const isTwo = syscall !== undefined && /^(rename|link|symlink)/.test(syscall) && path.includes(' ');
  if (isTwo) return { unclear: 'the record names two files at once' };
  const operations = operationsOf({ hook, syscall, data: record.data });
  const open = ownerAndTerminal(record, 'file');
  if (operations.length > 1) {
    const matters = operations.includes('move') ? always : isReadOnly;
    const what = operations.includes('move') ? 'whether a directory was moved' : 'whether it was read or written';
    open.push({ what, could: operations.map((operation) => ({ operation })), matters });
  }
  return byActor(record, { type: 'path', operation: operations[0] ?? 'write', path, owner: false, source: '' }, open);
}

/** What may have been done to the file. */
function operationsOf({ hook, syscall, data }: { hook?: string; syscall?: string; data: string }): readonly PathOperation[] {
  if (hook === 'PATH_RENAME' || /^rename/.test(syscall ?? '')) return ['write', 'move'];
  if (hook !== undefined) return hook === 'FILE_OPEN' || hook === 'FILE_RECEIVE' ? ['read', 'write'] : ['write'];
  const flags = /\bflags=(\S+)/.exec(data)?.[1];
  if (/^open/.test(syscall ?? 'open')) {
    if (flags === undefined || !/\bO_(RDONLY|WRONLY|RDWR)\b/.test(flags)) return ['read', 'write'];
    return /\bO_(WRONLY|RDWR|CREAT|TRUNC|APPEND)\b/.test(flags) ? ['write'] : ['read'];
  }
  return /^(un)?link|^symlink|^(mk|rm)dir|^mknod|^creat|^truncate|ch(mod|own)/.test(syscall ?? '') ? ['write'] : ['read', 'write'];
}

function network(record: TelemetryRecord): Told {
  const name = lookedUp(record);
  if (name !== undefined) return byActor(record, { type: 'dns', name, source: '' });
  const peer = readEndpointText(record.resource);
  const socket = readNetworkText(record.resource);
  if (socket !== undefined) return socketUse(record, { ...socket, peer, open: [] });
  if (peer === undefined) return { unclear: 'the record does not say what socket it was' };
  const open = [{ what: 'what type of socket it was', could: TCP_OR_UDP, matters: always }];
  return socketUse(record, { family: peer.family, ...TCP_OR_UDP[0], peer, open });
}

/** The name of a query; a socket's `domain` is an address family. */
function lookedUp({ resource, data }: TelemetryRecord): string | undefined {
  const name = /(?:^|[ ,])domain=([^ ,]+)/.exec(data)?.[1];
  return name === undefined || name.startsWith('AF_') || resource.startsWith('domain=') ? undefined : name;
}

interface SocketTold extends Socket {
  readonly peer: ReturnType<typeof readEndpointText>;
  readonly open: readonly Open[];
}

function socketUse(record: TelemetryRecord, { family, socketType, protocol, peer, open: asked }: SocketTold): Told {
  const open = [...asked, terminal(record.tty)];
  const access = { type: 'network', family, socketType, protocol, source: '' } as const;
  const operations = usesOf(record.data);
  if (operations.length === 0 || !hasAddresses(family)) return byActor(record, access, open);
  const matters: Open['matters'] = (rule) => 'endpoint' in rule;
  // What KubeArmor tells of accepting is the peer's port, and rules are about the socket's own.
  if (peer === undefined || (!record.own && operations.includes('accept'))) {
    return byActor(record, access, [...open, { what: 'with which address the socket was used', could: [], matters }]);
  }
  const uses = operations.map((operation): EndpointUse => ({ operation, address: peer.address, port: peer.port }));
  if (uses.length > 1) open.push({ what: 'what was done with the address', could: uses.map((endpoint) => ({ endpoint })), matters });
  return byActor(record, { ...access, endpoint: uses[0] }, open);
}

const TCP_OR_UDP = [
  { socketType: 1, protocol: 6 },
  { socketType: 2, protocol: 17 },
] as const;

const USES: Readonly<Record<string, readonly EndpointOperation[]>> = {
  SOCKET_CREATE: [],
  SOCKET_CONNECT: ['connect'],
  SOCKET_SENDMSG: ['send'],
  CGROUP_SKB_EGRESS: ['send'],
  SOCKET_BIND: ['bind'],
  SOCKET_LISTEN: ['listen'],
  SOCKET_ACCEPT: ['accept'],
  INET_CONN_REQUEST: ['accept'],
  SCTP_ASSOC_REQUEST: ['accept'],
  SCTP_BIND_CONNECT: ['bind', 'connect'],
  socket: [],
  socketpair: [],
  connect: ['connect'],
  sendto: ['send'],
  sendmsg: ['send'],
  sendmmsg: ['send'],
  bind: ['bind'],
  listen: ['listen'],
  accept: ['accept'],
  accept4: ['accept'],
};

/** What may have been done with an address; nothing where a socket was made. */
function usesOf(data: string): readonly EndpointOperation[] {
  const { hook, syscall } = hookOf(data);
  const name = hook ?? syscall ?? '';
  return Object.hasOwn(USES, name) ? (USES[name] ?? []) : ENDPOINT_OPERATIONS;
}

function capability(record: TelemetryRecord): Told {
  const number = /^CAP_(\d{1,3})$/.exec(record.resource)?.[1];
  const which = number === undefined ? capabilityNumber(record.resource) : Number(number);
  if (which === undefined) return { unclear: 'its capability is not known' };
  return byActor(record, { type: 'capability', capability: which, source: '' });
}

function call(record: TelemetryRecord): Told {
  const { syscall } = hookOf(record.data);
  if (syscall === undefined || !SYSCALLS.includes(syscall)) return { unclear: 'its system call is not known' };
  const path = record.resource.startsWith('/') ? record.resource : undefined;
  if (path === undefined) return byActor(record, { type: 'syscall', syscall, source: '' });
  if (faultOfPlace(path) !== undefined) return { unclear: 'the path of the call is none' };
  // Parapet tells of one call once for rules with a path and once for those without.
  const could = record.own ? [{ path }] : [{ path }, { path: undefined }];
  const open = { what: 'whether rules with a path are meant', could, matters: always };
  return byActor(record, { type: 'syscall', syscall, path, source: '' }, could.length > 1 ? [open] : []);
}

const SWITCH_OF_HOOK: readonly (readonly [RegExp, HardeningName])[] = [
  [/^PTRACE_/, 'ptrace'],
  [/^(SB_|MOVE_MOUNT$)/, 'mounts'],
  [/^KERNEL_/, 'modules'],
  [/^BPF(_|$)/, 'bpf'],
  [/^PERF_EVENT_OPEN$/, 'perf'],
  [/^USERNS_CREATE$/, 'userNamespaces'],
  [/^(INODE_INIT_SECURITY_ANON|URING_\w+)$/, 'ioUring'],
];

/** The resource is the switch's name, or what it is about, and then the hook tells. */
function hardening(record: TelemetryRecord): Told {
  const word = record.resource.split(' ')[0];
  const { hook = '' } = hookOf(record.data);
  const which = HARDENING_NAMES.find((name) => name === word) ?? SWITCH_OF_HOOK.find(([pattern]) => pattern.test(hook))?.[1];
  return which === undefined
    ? { unclear: 'what was hardened is not known' }
    : byActor(record, { type: 'switch', switch: which, source: '' });
}
