/** Records of accesses, as the agent writes them: what it does not tell is missing here too. */
import { capabilityText, endpointText, HARDENING_NAMES, networkText } from '@parapet/policy';
import type { Access } from '@parapet/policy';

export type Json = Readonly<Record<string, unknown>>;

/** A record of a container `app=web` in the namespace `default`, with what a test changes. */
export function record(change: Json = {}): Json {
  return {
    timestamp: 1_700_000_000,
    updatedTime: '2023-11-14T22:13:20.123456Z',
    clusterName: 'default',
    hostName: 'n1',
    namespaceName: 'default',
    podName: 'web-7d4b9c6f5-x2x4z',
    labels: 'app=web',
    containerName: 'web',
    parentProcessName: '/bin/bash',
    processName: '/bin/sh',
    source: '/bin/bash',
    resource: '/bin/sh',
    enforcer: 'BPFLSM',
    type: 'MatchedPolicy',
    operation: 'Process',
    data: 'lsm=SECURITY_BPRM_CHECK',
    action: 'Audit',
    count: 1,
    policyKind: '',
    ...change,
  };
}

const HOOKS = {
  connect: 'SOCKET_CONNECT',
  send: 'SOCKET_SENDMSG',
  bind: 'SOCKET_BIND',
  listen: 'SOCKET_LISTEN',
  accept: 'SOCKET_ACCEPT',
} as const;

export function recordOf(access: Access): Json {
  const by = { processName: access.source, source: access.source, parentProcessName: '/init' };
  switch (access.type) {
    case 'path': {
      if (access.operation === 'exec') {
        return record({ parentProcessName: access.source, source: access.source, processName: access.path, resource: access.path });
      }
      const hook = { read: 'FILE_OPEN', write: 'PATH_UNLINK', move: 'PATH_RENAME' }[access.operation];
      return record({ ...by, operation: 'File', resource: access.path, data: `lsm=${hook}` });
    }
    case 'network': {
      const socket = networkText(access.family, access.socketType, access.protocol);
      const resource = access.endpoint === undefined ? socket : `${socket} ${endpointText(access.endpoint)}`;
      const hook = access.endpoint === undefined ? 'SOCKET_CREATE' : HOOKS[access.endpoint.operation];
      return record({ ...by, operation: 'Network', resource, data: `lsm=${hook} ${resource}` });
    }
    case 'dns':
      return record({ ...by, operation: 'Network', resource: access.name, data: `lsm=SOCKET_SENDMSG domain=${access.name}` });
    case 'capability':
      return record({ ...by, operation: 'Capabilities', resource: capabilityText(access.capability), data: 'lsm=CAPABLE' });
    case 'syscall':
      return record({
        ...by,
        operation: 'Syscall',
        resource: access.path ?? access.syscall,
        data: `syscall=SYS_${access.syscall.toUpperCase()}`,
      });
    case 'switch':
      return (HARDENING_NAMES as readonly string[]).includes(access.switch)
        ? record({ ...by, operation: 'Hardening', resource: access.switch })
        : record({ ...by, operation: 'Process', resource: '/x', enforcer: `PRESET-${access.switch}` });
  }
}
