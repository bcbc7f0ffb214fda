import { App, Chart } from 'cdk8s';
import { HardenedWeb } from './hardened-web.ts';

const app = new App();
const chart = new Chart(app, 'teams', { namespace: 'shop' });

new HardenedWeb(chart, 'storefront', {
  app: 'storefront',
  configuration: '/etc/nginx/',
  capabilities: ['dac_override'],
}).policy.blockNetwork('udp');
new HardenedWeb(chart, 'checkout', { app: 'checkout', configuration: '/etc/checkout/', trial: true });

app.synth();
