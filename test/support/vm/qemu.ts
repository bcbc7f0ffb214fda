/** QEMU's command line for one microVM. */
import type { Kernel } from './kernel.ts';
import type { VmOptions } from './options.ts';

export const PORTS = ['control', 'stdout', 'stderr'] as const;
export type Port = (typeof PORTS)[number];
export type Acceleration = 'tcg' | 'kvm';

const DEFAULT_LSM = 'landlock,lockdown,yama,apparmor,bpf';

/** A value inside one of QEMU's comma-separated options. */
const escaped = (value: string): string => value.replaceAll(',', ',,');

const socketOf = (job: string, port: Port): string => `${job}/${port}.sock`;

/** Where QEMU will look for the host's end of `port`. */
export { socketOf };

/** Where the guest's console goes: only read when something went wrong. */
export const consoleOf = (job: string): string => `${job}/console.log`;

const directory = ({ path, tag, readonly }: { path: string; tag: string; readonly: boolean }): string[] => [
  '-virtfs',
  `local,path=${escaped(path)},mount_tag=${tag},security_model=none,multidevs=remap${readonly ? ',readonly=on' : ''}`,
];

/** Counting instructions and running several processors at once exclude each other. */
function processor(options: VmOptions, acceleration: Acceleration): string[] {
  if (options.icount === true) return ['-accel', 'tcg,thread=single', '-cpu', 'max', '-icount', 'shift=0,sleep=off,align=off'];
  return acceleration === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi', '-cpu', 'max'];
}

/** Arguments for qemu-system-x86_64. `job` is the directory with this run's script, sockets and console log. */
export function qemuArguments(setup: {
  kernel: Kernel;
  initrd: string;
  job: string;
  options: VmOptions;
  acceleration: Acceleration;
}): string[] {
  const { kernel, initrd, job, options, acceleration } = setup;
  // no_timer_check: on a busy host the guest would find its timer too slow, and panic
  const words = [
    'console=ttyS0',
    'quiet',
    'loglevel=4',
    'panic=-1',
    'no5lvl',
    'no_timer_check',
    'random.trust_cpu=on',
    `lsm=${options.lsm ?? DEFAULT_LSM}`,
  ];
  if (options.append !== undefined && options.append !== '') words.push(options.append);
  return [
    ...processor(options, acceleration),
    ...['-m', String(options.memory ?? 3072), '-smp', options.icount === true ? '1' : String(options.cpus ?? 2)],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-nic', 'none'],
    ...['-chardev', `file,id=console,path=${escaped(consoleOf(job))}`, '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci'],
    ...PORTS.flatMap((port) => [
      ...['-chardev', `socket,id=${port},path=${escaped(socketOf(job, port))}`],
      ...['-device', `virtserialport,chardev=${port},name=${port}`],
    ]),
    ...directory({ path: '/', tag: 'root', readonly: true }),
    ...directory({ path: job, tag: 'job', readonly: true }),
    ...(options.share ?? []).flatMap((path, index) => directory({ path, tag: `share${index}`, readonly: false })),
    ...['-kernel', kernel.image, '-initrd', initrd, '-append', words.join(' ')],
  ];
}
