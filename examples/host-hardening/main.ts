import { App, Chart } from 'cdk8s';
import { HostPolicy } from '@parapet/sdk';

const app = new App();
const chart = new Chart(app, 'nodes');

const all = new HostPolicy(chart, 'host-hardening', { severity: 7, tags: ['nodes'] });
all.readOnly('/etc/systemd/', '/etc/cron.d/', '/etc/ssh/', { message: 'Nodes are configured by their image' });
all.blockFiles('/etc/kubernetes/pki/', { unlessFrom: ['/usr/bin/kubelet', '/usr/local/bin/kube-apiserver'], severity: 10 });
all.auditExec('/usr/bin/nsenter', '/usr/sbin/insmod', { message: 'Somebody works on a node by hand' });

const edge = new HostPolicy(chart, 'edge-nodes', { nodes: { 'node-role.kubernetes.io/edge': '' }, severity: 9 });
edge.blockExec('/usr/bin/ssh', '/usr/bin/scp');

app.synth();
