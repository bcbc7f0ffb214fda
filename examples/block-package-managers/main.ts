import { App, Chart } from 'cdk8s';
import { ClusterPolicy } from '@parapet/sdk';

const PACKAGE_MANAGERS = ['/usr/bin/apt', '/usr/bin/apt-get', '/usr/bin/dpkg', '/usr/bin/yum', '/usr/bin/dnf', '/usr/bin/rpm', '/sbin/apk'];

const app = new App();
const chart = new Chart(app, 'cluster');

new ClusterPolicy(chart, 'no-package-managers', {
  exceptNamespaces: ['kube-system'],
  selectNone: { 'shop.example/builds-images': 'true' },
  severity: 8,
  tags: ['MITRE', 'MITRE_T1072_software_deployment_tools'],
  message: 'A package manager ran inside a container',
}).blockExec(...PACKAGE_MANAGERS);

app.synth();
