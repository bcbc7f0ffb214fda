/** Policies and the image of containers.ts: programs behind links, as distributions have them. */

const API = 'apiVersion: security.kubearmor.com/v1';

export const START_IMAGE = {
  name: 'local.test/start:1',
  programs: ['/usr/bin/sh', '/usr/bin/sleep', '/usr/bin/ls', '/usr/bin/cat'],
  files: {
    '/bin': { link: 'usr/bin' },
    '/usr/bin/tool': { link: 'ls' },
    '/etc/secret': 'secret\n',
    '/etc/other': 'other\n',
    '/etc/alias': { link: '../srv/real' },
    '/srv/real': 'real\n',
  },
};

const policy = (name: string, rest: string): string => `${API}
kind: KubeArmorPolicy
metadata: { name: ${name}, namespace: shop }
spec:
${rest}`;

export const LIMITS = policy(
  'limits',
  '  selector: { matchLabels: { app: limited } }\n  resources: { pids: 14, memory: 64Mi, cpu: 500m }\n',
);

export const POLICY_FILES: Readonly<Record<string, string>> = {
  'web.yaml': policy('web', '  selector: { matchLabels: { app: web } }\n  file: { matchPaths: [{ path: /etc/secret }] }\n'),
  'links.yaml': policy(
    'links',
    '  selector: { matchLabels: { app: web } }\n  process: { matchPaths: [{ path: /bin/tool }] }\n  file: { matchPaths: [{ path: /etc/alias }] }\n',
  ),
  'list.yaml': policy(
    'list',
    '  selector: { matchLabels: { list: "yes" } }\n  action: Allow\n  file: { matchDirectories: [{ dir: /usr/, recursive: true }, { dir: /proc/, recursive: true }, { dir: /dev/, recursive: true }] }\n',
  ),
  'shop.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, annotations: { kubearmor-file-posture: Block } }\n',
};
