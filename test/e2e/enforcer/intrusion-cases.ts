/** Ways round open(2) and execve(2), hardening switches and presets: what is tried and what must come of it. */
import { ABI, BLOCKABLE_SYSCALLS } from '@parapet/policy';
import { fileRule, pathRule, policyOf, switchRule, syscallRule } from '../../unit/policy/builders.ts';
import type { Group } from './cases.ts';
import { ACTOR, HOME } from './paths.ts';

/** A process of no container gives descriptors away here. */
export const OFFER = `${HOME}/offer`;
const LOADER = '/lib64/ld-linux-x86-64.so.2';
const PIN = `/sys/fs/bpf/parapet/v${ABI}/maps/nodes`;

/** Ways into the kernel and other processes, each with what comes of it where nothing forbids it. */
const INTO_KERNEL = [
  ['traceme', '0'],
  ['trace child', '0'],
  ['vm-read', '0'],
  ['vm-write', '0'],
  ['take-input', '0'],
  ['module-file /etc/hostname', 'ENOEXEC'],
  ['module', 'ENOEXEC'],
  ['kexec', 'EINVAL'],
  ['kexec-file /etc/hostname', 'ENOEXEC'],
  [`pivot ${HOME}`, 'EBUSY'],
  ['bpf make', '0'],
  ['perf', '0'],
  ['user-namespace', '0'],
  ['uring', '0'],
  ['map-memory at-once', '0'],
  ['map-memory flipped', '0'],
  ['map-memory shared', '0'],
  ['map-memory memfd', '0'],
  [`map-changed ${HOME}/bin/free`, '0'],
] as const;
const INTO_FILES = [
  [`exec-memory ${HOME}/bin/free`, '0'],
  ['exec /dev/shm/free', '0'],
  ['read /proc/1/environ', '0'],
  ['read /proc/1/task/1/environ', '0'],
  ['read /proc/1/status', '0'],
] as const;
const NOWHERE = [
  ['read /proc/self/environ', '0'],
  ['read /proc/meminfo', '0'],
] as const;
const FREE = [...INTO_KERNEL, ...INTO_FILES, ...NOWHERE];
const REFUSED = [
  ...INTO_KERNEL.map(([command]) => [command, 'EPERM'] as const),
  ...INTO_FILES.map(([command]) => [command, 'EACCES'] as const),
  ...NOWHERE,
];

export const INTRUSION_GROUPS: readonly Group[] = [
  {
    name: 'system calls',
    policies: [policyOf(syscallRule(['sethostname', 'chroot']), syscallRule(['mkdir'], { from: [`${HOME}/bin/other`] }))],
    tries: [
      ['hostname', '0'],
      ['hostname-32', '0'],
      [`mkdir ${HOME}/made`, '0'],
      [`exec ${HOME}/bin/other rmdir+${HOME}/made`, '0'],
      [`exec ${HOME}/bin/other mkdir+${HOME}/made-too`, '0'],
    ],
  },
  {
    name: 'blocked system calls',
    policies: [
      policyOf(syscallRule(BLOCKABLE_SYSCALLS, { action: 'Block' }), syscallRule(['perf_event_open'], { from: [`${HOME}/bin/other`] })),
    ],
    tries: [
      ['unshare', '0'],
      [`bind ${HOME} ${HOME}/flat`, 'EPERM'],
      [`umount ${HOME}`, 'EINVAL'], // no mount point
      ['umount /sys/fs/bpf', 'EPERM'],
      [`move-mount ${HOME} ${HOME}/flat`, 'EPERM'],
      [`pivot ${HOME}`, 'EPERM'],
      ['traceme', 'EPERM'],
      ['trace child', 'EPERM'],
      ['bpf make', 'EPERM'],
      ['vm-read', 'EPERM'],
      ['vm-write', 'EPERM'],
      ['take-input', 'EPERM'],
      ['module', 'EPERM'],
      ['module-file /etc/hostname', 'EPERM'],
      ['kexec', 'EPERM'],
      ['kexec-file /etc/hostname', 'EPERM'],
      ['uring', 'EPERM'],
      [`exec ${HOME}/bin/other perf`, '0'],
      ['perf', 'EPERM'],
    ],
  },
  {
    name: 'going round execve',
    policies: [
      policyOf(pathRule(`${HOME}/bin/linked`), pathRule(`${HOME}/tools/**`), pathRule(`${HOME}/bin/watched`, { action: 'Audit' })),
    ],
    tries: [
      [`exec ${LOADER} /bin/true`, '0'],
      [`exec ${HOME}/bin/linked`, 'EACCES'],
      [`exec ${LOADER} ${HOME}/bin/linked`, 'EKEYEXPIRED'], // 127: the loader could not map it
      [`exec ${LOADER} ${HOME}/tools/linked`, 'EKEYEXPIRED'],
      [`map ${HOME}/bin/linked`, 'EACCES'],
      [`map-later ${HOME}/bin/linked`, 'EACCES'],
      [`map ${HOME}/bin/watched`, '0'],
      [`map ${HOME}/bin/free`, '0'],
      [`map-later ${HOME}/bin/free`, '0'],
      [`exec ${HOME}/bin/free`, '0'],
    ],
  },
  {
    name: 'an allow-list of programs and its libraries',
    posture: 'block',
    policies: [policyOf(pathRule(ACTOR, { action: 'Allow' }), pathRule('/bin/true', { action: 'Allow' }), pathRule('/**'))],
    tries: [
      [`map ${HOME}/bin/free`, '0'],
      [`exec ${HOME}/bin/free`, 'EACCES'],
      [`exec ${LOADER} ${HOME}/bin/free`, 'EACCES'],
      ['exec /usr/bin/true', 'EACCES'],
      [`exec-memory ${HOME}/bin/free`, 'EACCES'],
    ],
  },
  {
    name: 'descriptors and attributes',
    policies: [policyOf(fileRule(`${HOME}/secret`), fileRule(`${HOME}/read-only/**`, { readOnly: true }))],
    tries: [
      [`take ${OFFER} r${HOME}/plain`, '0'],
      [`take ${OFFER} w${HOME}/plain`, '0'],
      [`take ${OFFER} r${HOME}/secret`, 'EACCES'],
      [`take ${OFFER} w${HOME}/secret`, 'EACCES'],
      [`take ${OFFER} p${HOME}/secret`, '0'], // names the file, opens nothing
      [`take ${OFFER} r${HOME}/read-only/file`, '0'],
      [`take ${OFFER} w${HOME}/read-only/file`, 'EACCES'],
      [`open-again ${HOME}/secret`, 'EACCES'],
      [`open-again ${HOME}/plain`, '0'],
      [`flags ${HOME}/read-only/file`, 'EACCES'],
      [`attribute ${HOME}/read-only/file`, 'EACCES'],
      [`attribute ${HOME}/plain`, '0'],
      ['attribute /dev/shm/free', '0'],
      [`chroot ${HOME}`, '0'],
      ['read /secret', 'EACCES'],
      ['read /plain', '0'],
    ],
  },
  {
    name: 'mounting in a container whose rules name files',
    policies: [policyOf(fileRule(`${HOME}/secret`))],
    tries: [
      ['unshare', '0'],
      [`bind ${HOME} ${HOME}/flat`, 'EPERM'],
      [`mount-memory ${HOME}/flat`, 'EPERM'],
      ['umount /sys/fs/bpf', 'EPERM'],
      [`open-in-clone ${HOME} secret`, 'EACCES'],
      [`read ${HOME}/secret`, 'EACCES'],
    ],
  },
  {
    name: 'mounting where the policy allows it',
    policies: [policyOf(fileRule(`${HOME}/secret`), switchRule('mounts', { action: 'Allow' }))],
    tries: [
      ['unshare', '0'],
      [`bind ${HOME} ${HOME}/flat`, '0'],
      [`umount ${HOME}/flat`, '0'],
      [`open-in-clone ${HOME} plain`, '0'],
      [`move-mount ${HOME} ${HOME}/flat`, '0'],
      [`umount ${HOME}/flat`, '0'],
    ],
  },
  {
    name: 'mounting in a container whose rules name no files',
    policies: [policyOf(switchRule('perf'))],
    tries: [
      ['unshare', '0'],
      [`bind ${HOME} ${HOME}/flat`, '0'],
      [`umount ${HOME}/flat`, '0'],
    ],
  },
  {
    name: 'what guards the rules',
    policies: [policyOf(fileRule(`${HOME}/secret`))],
    tries: [
      ['bpf make', '0'],
      ['bpf maps', 'EPERM'],
      ['bpf programs', 'EPERM'],
      [`unlink ${PIN}`, 'EPERM'],
      [`rename ${PIN} ${PIN}2`, 'EPERM'],
      ['trace 1', 'EPERM'],
      ['trace child', '0'],
      ['agent signal', 'EPERM'],
      ['agent limit', 'EPERM'],
      ['agent priority', 'EPERM'],
      ['agent processors', 'EPERM'],
      ['agent io-priority', 'EPERM'],
      ['agent file', '0'],
    ],
  },
  { name: 'nothing is hardened', policies: [policyOf(fileRule(`${HOME}/secret`, { action: 'Audit' }))], tries: FREE },
  {
    name: 'everything is hardened',
    policies: [
      policyOf(
        ...(['ptrace', 'mounts', 'modules', 'bpf', 'perf', 'userNamespaces', 'ioUring'] as const).map((name) => switchRule(name)),
        ...(['filelessExec', 'anonymousMapExec', 'protectEnv', 'exec', 'protectProc'] as const).map((name) => switchRule(name)),
      ),
    ],
    tries: REFUSED,
  },
  {
    name: 'everything is audited',
    policies: [
      policyOf(
        ...(['ptrace', 'modules', 'bpf', 'perf', 'userNamespaces', 'ioUring'] as const).map((name) =>
          switchRule(name, { action: 'Audit' }),
        ),
        ...(['filelessExec', 'anonymousMapExec', 'protectEnv'] as const).map((name) => switchRule(name, { action: 'Audit' })),
      ),
    ],
    tries: FREE,
  },
  {
    name: 'the environment of others',
    policies: [policyOf(switchRule('protectEnv'))],
    tries: [
      ['read /proc/1/environ', 'EACCES'],
      ['read /proc/1/task/1/environ', 'EACCES'],
      ['read /proc/1/status', '0'],
      ['read /proc/self/environ', '0'],
      ['read /proc/thread-self/environ', '0'],
      ['read /etc/hostname', '0'],
    ],
  },
];
