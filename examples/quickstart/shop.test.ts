import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App } from 'cdk8s';
import { Policies } from '@parapet/sdk';
import { Shop } from './shop.ts';

const policies = Policies.of(new Shop(new App(), 'shop'));
const web = policies.in({ namespace: 'shop', labels: { app: 'web' } });
const vault = policies.in({ namespace: 'shop', labels: { app: 'vault' } });

await test('the web tier installs nothing and reads no secret', () => {
  assert.equal(web.decide({ exec: '/usr/bin/apt' }).verdict, 'block');
  assert.equal(web.decide({ read: '/var/secrets/db/password' }).verdict, 'block');
});

await test('only the deployment shell downloads', () => {
  assert.equal(web.decide({ exec: '/usr/bin/wget', from: '/bin/sh' }).verdict, 'block');
  assert.equal(web.decide({ exec: '/usr/bin/wget', from: '/bin/ash' }).verdict, 'allow');
});

await test('an exception closes nothing, even on a strict node', () => {
  assert.equal(web.decide({ exec: '/bin/ls', postures: { file: 'block' } }).verdict, 'allow');
});

await test('the vault does only what is listed, even on a lenient node', () => {
  assert.equal(vault.decide({ exec: '/bin/cat' }).verdict, 'allow');
  assert.equal(vault.decide({ exec: '/bin/ls' }).verdict, 'block');
  assert.equal(vault.decide({ read: '/etc/passwd' }).verdict, 'block');
  assert.equal(vault.decide({ write: '/etc/vault/config' }).verdict, 'block');
});
