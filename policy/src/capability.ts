/** Linux capabilities: the index is the number, names as policies write them. */
// prettier-ignore
export const CAPABILITIES = [
  'chown', 'dac_override', 'dac_read_search', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap', 'linux_immutable',
  'net_bind_service', 'net_broadcast', 'net_admin', 'net_raw', 'ipc_lock', 'ipc_owner', 'sys_module', 'sys_rawio', 'sys_chroot',
  'sys_ptrace', 'sys_pacct', 'sys_admin', 'sys_boot', 'sys_nice', 'sys_resource', 'sys_time', 'sys_tty_config', 'mknod', 'lease',
  'audit_write', 'audit_control', 'setfcap', 'mac_override', 'mac_admin', 'syslog', 'wake_alarm', 'block_suspend', 'audit_read',
  'perfmon', 'bpf', 'checkpoint_restore',
] as const;

/** The number of a capability written as `net_raw`, `NET_RAW` or `CAP_NET_RAW`; undefined when there is none of that name. */
export function capabilityNumber(name: string): number | undefined {
  const number = (CAPABILITIES as readonly string[]).indexOf(name.toLowerCase().replace(/^cap_/, ''));
  return number === -1 ? undefined : number;
}
