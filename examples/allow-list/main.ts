import { App, Chart } from 'cdk8s';
import type { AllowOnlyOptions } from '@parapet/sdk';
import { ContainerPolicy } from '@parapet/sdk';

/** All that the API server of the shop needs: found by running the `observed` stage and reading its alerts. */
const NEEDS: AllowOnlyOptions = {
  exec: ['/usr/bin/node'],
  readOnly: ['/srv/api/', '/usr/lib/', '/lib/', '/etc/ssl/', '/etc/resolv.conf', '/etc/hosts', '/etc/nsswitch.conf'],
  files: ['/tmp/', '/dev/null', '/dev/urandom'],
  network: ['tcp', 'udp'],
};

const app = new App();
const chart = new Chart(app, 'api', { namespace: 'shop' });

// First audit what the list forgot, where that hurts nobody …
new ContainerPolicy(chart, 'observed', { select: { app: 'api', stage: 'canary' }, severity: 3, message: 'Not on the list yet' }).allowOnly({
  ...NEEDS,
  otherwise: 'audit',
});

// … then block it.
new ContainerPolicy(chart, 'enforced', { select: { app: 'api', stage: 'production' }, severity: 8, message: 'Not on the list' }).allowOnly(
  NEEDS,
);

app.synth();
