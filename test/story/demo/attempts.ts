/** The attempts of the demo, against the policies of examples/quickstart. */
import type { Attempt } from './scenario.ts';

const web = (title: string, command: string, rest: Pick<Attempt, 'expected' | 'alert'>): Attempt => ({
  container: 'web',
  title,
  command,
  ...rest,
});
const vault = (title: string, command: string, rest: Pick<Attempt, 'expected' | 'alert'>): Attempt => ({
  container: 'vault',
  title,
  command,
  ...rest,
});
const passes = { expected: 'passes' } as const;
type Wanted = NonNullable<Attempt['alert']>;
const refusedBy = (policyName: string, operation: Wanted['operation'], resource: string): Pick<Attempt, 'expected' | 'alert'> => ({
  expected: 'refused',
  alert: { action: 'Block', policyName, operation, resource },
});

export const ATTEMPTS: readonly Attempt[] = [
  web('run a package manager', '/usr/bin/dpkg --help', refusedBy('web', 'Process', '/usr/bin/dpkg')),
  web('download, started from /bin/sh', '/usr/bin/wget --help', refusedBy('web', 'Process', '/usr/bin/wget')),
  web('download, started from /bin/ash', `/bin/ash -c '/usr/bin/wget --help; exit $?'`, passes),
  web('run any other program', '/bin/ls /', passes),
  web('read /etc/shadow', '/bin/cat /etc/shadow', refusedBy('web', 'File', '/etc/shadow')),
  web('read a read-only file', '/bin/cat /etc/app/app.conf', passes),
  web('write a read-only file', 'echo changed >> /etc/app/app.conf', refusedBy('web', 'File', '/etc/app/app.conf')),
  web('remove a read-only file', '/bin/rm /etc/app/app.conf', refusedBy('web', 'File', '/etc/app/app.conf')),
  web(
    'read deep in a blocked directory',
    '/bin/cat /var/secrets/db/primary/password',
    refusedBy('web', 'File', '/var/secrets/db/primary/password'),
  ),
  web(
    'open a UDP socket',
    '/usr/bin/tftp -g -r file 127.0.0.1',
    refusedBy('web', 'Network', 'domain=AF_INET type=SOCK_DGRAM protocol=UDP'),
  ),
  web('use CAP_CHOWN', 'echo mine > /tmp/file && /bin/chown 1:1 /tmp/file', refusedBy('web', 'Capabilities', 'CAP_CHOWN')),
  web('read an audited file', '/bin/cat /etc/passwd', {
    expected: 'passes',
    alert: { action: 'Audit', policyName: 'web', operation: 'File', resource: '/etc/passwd' },
  }),
  vault('run a listed program', '/bin/cat /etc/vault/config', passes),
  vault('run a program that is not listed', '/bin/ls /', refusedBy('vault', 'File', '/bin/ls')),
  vault('write where it may', 'echo data > /var/vault/data && /bin/cat /var/vault/data', passes),
  vault('write where it may only read', 'echo data >> /etc/vault/config', refusedBy('vault', 'File', '/etc/vault/config')),
  vault('read a file that is not listed', '/bin/cat /etc/passwd', refusedBy('vault', 'File', '/etc/passwd')),
];

/** The image of both containers: every program is a file of its own, so that each path is its own executable. */
export const IMAGE = {
  name: 'local.test/shop:1',
  programs: [
    '/bin/sh',
    '/bin/ash',
    '/bin/cat',
    '/bin/ls',
    '/bin/rm',
    '/bin/chown',
    '/bin/nc',
    '/bin/sleep',
    '/usr/bin/dpkg',
    '/usr/bin/wget',
    '/usr/bin/tftp',
  ],
  files: {
    '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
    '/etc/shadow': 'root:*:19000:0:99999:7:::\n',
    '/etc/app/app.conf': 'listen 8080\n',
    '/etc/vault/config': 'seal auto\n',
    '/var/secrets/db/primary/password': 'hunter2\n',
    '/var/vault/readme': 'the vault keeps its data here\n',
  },
  directories: ['/tmp', '/proc', '/sys', '/dev', '/root', '/run'],
  command: ['/bin/sleep', '2147483647'],
};

/** The second commit: one rule is relaxed, another is tightened. */
export const CHANGE = {
  file: 'shop.ts',
  edits: [
    { from: `.blockExec('/usr/bin/apt', '/usr/bin/dpkg', {`, to: `.blockExec('/usr/bin/apt', {` },
    { from: `.auditFiles('/etc/passwd', {`, to: `.blockFiles('/etc/passwd', {` },
  ],
  /** Run in the web container until it obeys; prints what the two accesses come to. It leaves the processors to those who are measured. */
  probe: `while :; do
  if /usr/bin/dpkg --help > /dev/null 2>&1; then relaxed=passes; else relaxed=refused; fi
  if ( read -r line < /etc/passwd ) 2> /dev/null; then tightened=passes; else tightened=refused; fi
  echo "relaxed $relaxed, tightened $tightened"
  if [ $relaxed = passes ] && [ $tightened = refused ]; then break; fi
  /bin/sleep 0.2
done`,
  done: 'relaxed passes, tightened refused',
};
