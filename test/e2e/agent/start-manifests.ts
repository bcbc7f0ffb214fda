/** Policies and the image of containers.ts: programs behind links, as distributions have them. */

const API = 'apiVersion: security.kubearmor.com/v1';

export const START_IMAGE = {
  name: 'local.test/start:1',
  programs: ['/usr/bin/sh', '/usr/bin/sleep', '/usr/bin/ls', '/usr/bin/cat', '/usr/bin/dd', '/usr/bin/mkdir', '/usr/bin/nc'],
  files: {
    '/bin': { link: 'usr/bin' },
    '/usr/bin/tool': { link: 'ls' },
    '/etc/secret': 'secret\n',
    '/etc/other': 'other\n',
    '/etc/alias': { link: '../srv/real' },
    '/srv/real': 'real\n',
    '/srv/closed': { content: 'for nobody\n', mode: 0 },
    '/srv/script': { content: '#!/usr/bin/sh\necho ran\n', mode: 0o755 },
  },
};

const policy = (name: string, rest: string, namespace = 'shop'): string => `${API}
kind: KubeArmorPolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec:
${rest}`;

const limits = (resources: string): string =>
  policy('limits', `  selector: { matchLabels: { app: limited } }\n  resources: { ${resources} }\n`);

/** The kernel's own block device in memory, whose numbers are 1:0. */
export const LIMITED_DEVICE = '/dev/ram0';
const IO = `io: [{ device: ${LIMITED_DEVICE}, writeBytesPerSecond: 2Mi, readOperationsPerSecond: 1000 }]`;
export const LIMITS = limits(`pids: 14, memory: 64Mi, cpu: 500m, ${IO}`);
export const CHANGED_LIMITS = limits('memory: 96Mi, cpu: 250m, io: [{ device: "1:0", writeBytesPerSecond: 3Mi }]');

/** Lists with neither TCP nor the capability to read what the mode of a file forbids. */
const USES =
  '  selector: { matchLabels: { uses: "yes" } }\n  action: Allow\n  network: { matchProtocols: [{ protocol: udp }] }\n  capabilities: { matchCapabilities: [{ capability: chown }] }\n';

export const POLICY_FILES: Readonly<Record<string, string>> = {
  'web.yaml': policy('web', '  selector: { matchLabels: { app: web } }\n  file: { matchPaths: [{ path: /etc/secret }] }\n'),
  'links.yaml': policy(
    'links',
    '  selector: { matchLabels: { app: web } }\n  process: { matchPaths: [{ path: /bin/tool }, { path: /srv/script }] }\n  file: { matchPaths: [{ path: /etc/alias }] }\n',
  ),
  'list.yaml': policy(
    'list',
    '  selector: { matchLabels: { list: "yes" } }\n  action: Allow\n  file: { matchDirectories: [{ dir: /usr/, recursive: true }, { dir: /proc/, recursive: true }, { dir: /dev/, recursive: true }] }\n',
  ),
  'uses.yaml': policy('uses', USES),
  'free-uses.yaml': policy('uses', USES, 'free'),
  'shop.yaml':
    'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, annotations: { kubearmor-file-posture: Block, kubearmor-network-posture: Block, kubearmor-capabilities-posture: block } }\n',
};
