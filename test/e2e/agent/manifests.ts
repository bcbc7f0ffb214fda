/** What the agent's test enforces: policies as their authors would write them, and the containers that they are for. */
import { CAPABILITIES } from '@parapet/policy';

const API = 'apiVersion: security.kubearmor.com/v1';

export const NODE = 'node-1';
/** A file of the image and of the node, so that what a host policy says of it is seen to be for the node alone. */
export const HOST_SECRET = '/etc/host-secret';

/** What a cluster policy, and an allow-list, are about. */
export const CLUSTER_SECRET = '/etc/cluster';
export const UNLISTED = '/srv/unlisted';

/** Reads the secret again and again, and keeps a line for each time. */
const PROBE =
  'while :; do if read line < /etc/secret; then echo passed; else echo refused; fi >> /tmp/probe 2> /dev/null; /bin/sleep 0.2; done';

export const IMAGE = {
  name: 'local.test/agent:1',
  programs: ['/bin/sh', '/bin/sleep', '/bin/ls'],
  files: {
    '/etc/secret': 'secret\n',
    '/etc/audited': 'audited\n',
    '/etc/more': 'more\n',
    [HOST_SECRET]: 'the image\n',
    [CLUSTER_SECRET]: 'cluster\n',
    [UNLISTED]: 'unlisted\n',
  },
  command: ['/bin/sh', '-c', PROBE],
};

/** A container as `ctr run` makes it; `runtimeNamespace` is containerd's. */
export interface Wanted {
  readonly name: string;
  readonly runtimeNamespace: string;
  readonly labels: readonly string[];
}

export const WEB: Wanted = { name: 'web', runtimeNamespace: 'default', labels: ['app=web', 'parapet.dev/namespace=shop'] };
/** Says no namespace. */
export const PLAIN: Wanted = { name: 'plain', runtimeNamespace: 'default', labels: ['app=plain'] };
/** Says two namespaces: the pod's counts. */
export const POD: Wanted = {
  name: 'pod',
  runtimeNamespace: 'other',
  labels: ['app=web', 'parapet.dev/namespace=shop', 'io.kubernetes.pod.namespace=pods', 'io.kubernetes.pod.name=pod-0'],
};
/** Started after containerd was away. */
export const LATE: Wanted = { ...WEB, name: 'late' };

const web = (more: string): string => `${API}
kind: KubeArmorPolicy
metadata:
  name: web
  namespace: shop
  annotations: { parapet.dev/repository: 'https://git.test/shop', parapet.dev/commit: '${'c'.repeat(40)}' }
spec:
  severity: 7
  tags: [secrets]
  message: the secret stays secret
  selector: { matchLabels: { app: web } }
  file:
    matchPaths:
      - path: /etc/secret
      - { path: /etc/audited, action: Audit }
${more}`;

/** Files of the policies directory, as they are at first. */
export const GOOD: Readonly<Record<string, string>> = {
  'shop/web.yaml': web(''),
  'plain.yaml': `${API}
kind: KubeArmorPolicy
metadata: { name: plain, namespace: container_namespace }
spec:
  selector: { matchLabels: { kubearmor.io/container.name: plain } }
  process: { matchPaths: [{ path: /bin/ls }] }
`,
  'pods.yaml': `${API}
kind: KubeArmorPolicy
metadata: { name: pods, namespace: pods }
spec:
  selector: { matchLabels: { app: web } }
  file: { matchPaths: [{ path: /etc/more }] }
`,
  'host.yaml': `${API}
kind: KubeArmorHostPolicy
metadata: { name: edge }
spec:
  nodeSelector: { matchLabels: { kubernetes.io/hostname: ${NODE} } }
  file: { matchPaths: [{ path: ${HOST_SECRET} }] }
`,
};

/** For the containers of one namespace. */
const CLUSTER = `${API}
kind: KubeArmorClusterPolicy
metadata: { name: cluster }
spec:
  selector: { matchExpressions: [{ key: namespace, operator: In, values: [shop] }] }
  file: { matchPaths: [{ path: ${CLUSTER_SECRET} }] }
`;

const dirs = (...names: readonly string[]): string => names.map((dir) => `{ dir: ${dir}, recursive: true }`).join(', ');

/** Everything that the pod's own loop needs. */
const LIST = `${API}
kind: KubeArmorPolicy
metadata: { name: list, namespace: pods }
spec:
  selector: { matchLabels: { app: web } }
  action: Allow
  file: { matchDirectories: [${dirs('/bin/', '/dev/', '/etc/', '/lib/', '/lib64/', '/proc/', '/tmp/', '/usr/')}] }
`;

/** On the node anything may use any capability but the one that setting the clock needs. */
const HOST_LIST = `${API}
kind: KubeArmorHostPolicy
metadata: { name: capable }
spec:
  nodeSelector: { matchLabels: { kubernetes.io/hostname: ${NODE} } }
  action: Allow
  capabilities:
    matchCapabilities: [${CAPABILITIES.filter((name) => name !== 'sys_time')
      .map((name) => `{ capability: ${name} }`)
      .join(', ')}]
`;

/** Files that are there for a while only. */
export const LISTS: Readonly<Record<string, string>> = { 'cluster.yaml': CLUSTER, 'list.yaml': LIST, 'host-list.yaml': HOST_LIST };

/** What is wrong in files written later, with a policy among them that has nothing wrong. */
export const WRONG: Readonly<Record<string, string>> = {
  'shop/web.yaml': web('  colour: red\n'),
  'syntax.yaml': 'kind: [\n',
  'other.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\n',
  'kind.yaml': `${API}\nkind: KubeArmorPolice\nmetadata: { name: kind, namespace: shop }\nspec: {}\n`,
  'deep.yaml': `${API}
kind: KubeArmorPolicy
metadata: { name: deep, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  file: { matchPaths: [{ path: ${'/deeper'.repeat(600)} }] }
`,
  'more.yaml': `${API}
kind: KubeArmorPolicy
metadata: { name: more, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  file: { matchPaths: [{ path: /etc/more }] }
`,
};
