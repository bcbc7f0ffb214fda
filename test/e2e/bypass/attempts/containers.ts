/** Attempts by containers of a real runtime, under the whole agent: containers.ts starts and asks them. */

export interface ContainerAttempt {
  readonly name: string;
  /** Which container tries it: its process is one that the runtime starts in it, as `kubectl exec` does. */
  readonly container: string;
  readonly steps: readonly string[];
  /** Tried when the agent was killed, or killed and started again. Default: while it runs. */
  readonly when?: 'killed' | 'restarted';
  /** Default: EACCES. `0`: it must work all the same, because the rules are not for this container. */
  readonly refused?: string;
}

export const IMAGE = {
  name: 'local.test/bypass:1',
  programs: ['/bin/sh', '/bin/sleep', '/bin/ls'],
  files: {
    '/etc/secret': 'SECRET\n',
    '/etc/plain': 'plain\n',
    '/etc/fixed/file': 'SECRET\n',
    '/opt/linked': { sameAs: '/etc/secret' },
    '/opt/ls': { sameAs: '/bin/ls' },
  },
};

const CONFINED = ['--label', 'app=web', '--label', 'parapet.dev/namespace=shop'];

/** What `ctr run` is told besides the image, which is the same for all; in this order. `{free}` is the first process of the one without rules. */
export const CONTAINERS: Readonly<Record<string, { readonly options?: readonly string[] }>> = {
  free: {},
  web: { options: CONFINED },
  /** With rules, in the namespaces of the one without. */
  guest: { options: [...CONFINED, '--with-ns', 'pid:/proc/{free}/ns/pid', '--with-ns', 'ipc:/proc/{free}/ns/ipc'] },
  /** All that a container can be given. */
  mighty: { options: [...CONFINED, '--privileged', '--with-ns', 'pid:/proc/1/ns/pid', '--env', 'BESIDE=1'] },
};

const READ = 'open openat /etc/secret';

export const CONTAINER_ATTEMPTS: readonly ContainerAttempt[] = [
  { name: 'in a container: a blocked file', container: 'web', steps: [READ] },
  { name: 'in a container: a blocked file by /proc/self/root', container: 'web', steps: ['open openat /proc/self/root/etc/secret'] },
  { name: 'in a container: a blocked file by a thread whose leader has ended', container: 'web', steps: ['leaderless', READ] },
  { name: 'in a container: a blocked file by io_uring', container: 'web', steps: ['uring worker openat /etc/secret'] },
  { name: 'in a container: a blocked file in a user namespace of its own', container: 'web', steps: ['rootless mount', READ] },
  { name: 'in a container: a blocked file after chroot', container: 'web', steps: ['chroot /etc', 'open openat /secret'] },
  { name: "in a container: a blocked file by the image's hard link", container: 'web', steps: ['open openat /opt/linked'] },
  { name: "in a container: a blocked program by the image's hard link", container: 'web', steps: ['exec execve /opt/ls'] },
  { name: 'in a container: a blocked program', container: 'web', steps: ['exec execve /bin/ls'] },
  { name: 'in a container: a blocked program by a descriptor', container: 'web', steps: ['exec descriptor /bin/ls'] },
  { name: 'in a container: writing to a read-only file', container: 'web', steps: ['write write-only /etc/fixed/file'] },
  { name: 'in a container: a blocked socket', container: 'web', steps: ['socket 2 2 0'] },
  { name: 'in namespaces of a container without rules: a blocked file', container: 'guest', steps: [READ] },
  { name: 'in namespaces of a container without rules: a blocked program', container: 'guest', steps: ['exec execve /bin/ls'] },
  { name: 'a container of the same image for which there are no rules', container: 'free', steps: [READ], refused: '0' },
  { name: 'a container without rules in whose namespaces one with rules lives', container: 'free', steps: ['fork', READ], refused: '0' },
  { name: "in a privileged container with the node's pids: a blocked file", container: 'mighty', steps: [READ] },
  {
    name: "in a privileged container: a blocked path after joining the node's mount namespace",
    container: 'mighty',
    steps: ['join mnt', READ],
    refused: 'EPERM',
  },
  {
    name: "in a privileged container: a blocked path after joining all the node's namespaces",
    container: 'mighty',
    steps: ['join-by-pidfd mount uts ipc', READ],
    refused: 'EPERM',
  },
  {
    name: "in a privileged container: a blocked file after leaving the cgroup through the node's root",
    container: 'mighty',
    steps: ['move /proc/1/root/sys/fs/cgroup', READ],
  },
  {
    name: 'in a privileged container: another program after leaving the cgroup',
    container: 'mighty',
    steps: ['move /proc/1/root/sys/fs/cgroup', 'exec execve /actor', READ],
  },
  {
    name: "in a privileged container: the node's tracing, by which hooks are called",
    container: 'mighty',
    steps: ['put /proc/1/root/proc/sys/kernel/ftrace_enabled 1'],
    refused: 'EPERM',
  },
  { name: 'in a privileged container: new namespaces of every kind', container: 'mighty', steps: ['unshare mount user pid', 'fork', READ] },
  { name: 'in a container whose agent was killed: a blocked file', container: 'web', steps: ['orphan', READ], when: 'killed' },
  {
    name: 'in a container whose agent was killed: a blocked program',
    container: 'web',
    steps: ['fork', 'exec execve /bin/ls'],
    when: 'killed',
  },
  {
    name: 'in a privileged container whose agent was killed: a blocked file, outside the cgroup',
    container: 'mighty',
    steps: ['move /proc/1/root/sys/fs/cgroup', 'fork', READ],
    when: 'killed',
  },
  {
    name: 'in a container whose agent was killed and started again: a blocked file',
    container: 'web',
    steps: ['thread', READ],
    when: 'restarted',
  },
];
