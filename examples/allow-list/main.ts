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
const canary = { app: 'api', stage: 'canary' };
const observed = new ContainerPolicy(chart, 'observed', { select: canary, severity: 3, message: 'Not on the list yet' });
observed.allowOnly({ ...NEEDS, otherwise: 'audit' });

// … then block it.
const production = { app: 'api', stage: 'production' };
const enforced = new ContainerPolicy(chart, 'enforced', { select: production, severity: 8, message: 'Not on the list' });
enforced.allowOnly(NEEDS);

app.synth();
