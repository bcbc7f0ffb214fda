/** What the attempts are against. */
import { HARDENING_NAMES, PRESET_NAMES } from '@parapet/policy';
import type { Policy } from '@parapet/policy';
import {
  capabilityRule,
  dnsRule,
  endpointRule,
  fileRule,
  nameRule,
  networkRule,
  pathRule,
  patternRule,
  policyOf,
  switchRule,
} from '../../unit/policy/builders.ts';
import { ACTOR, HOME, LONG_DIRECTORY, LONG_NAME, MAY_TELL, TOLD } from './attempt.ts';
import type { PolicyName } from './attempt.ts';

export interface Confinement {
  readonly policies: readonly Policy[];
  readonly posture: 'audit' | 'block';
}

export const POLICIES: Readonly<Record<PolicyName, Confinement>> = {
  /** Some things are forbidden, all else is free. */
  block: {
    posture: 'audit',
    policies: [
      policyOf(
        fileRule(`${HOME}/secret`),
        fileRule(`${HOME}/deep/**`),
        fileRule(`${HOME}/flat/`),
        fileRule(`${HOME}/read-only/**`, { readOnly: true }),
        fileRule(`${HOME}/owned`, { ownerOnly: true }),
        fileRule(`${HOME}/${LONG_NAME}`),
        fileRule(`${LONG_DIRECTORY}/**`),
        fileRule(`${HOME}/socket`),
        fileRule(`${HOME}/flat-fs/secret`),
        fileRule(`${HOME}/flat-fs/deep/**`),
        fileRule(`${HOME}/flat-fs/read-only/**`, { readOnly: true }),
        fileRule(`${HOME}/flat-fs/inner/dir/secret`),
        pathRule(`${HOME}/flat-fs/bin/blocked`),
        pathRule(`${HOME}/flat-fs/tools/**`),
        pathRule(`${HOME}/bin/blocked`),
        pathRule(`${HOME}/loader`),
        pathRule(`${HOME}/tools/**`),
      ),
    ],
  },
  /** Some things are allowed, all else is forbidden. */
  allow: {
    posture: 'block',
    policies: [
      policyOf(
        pathRule(ACTOR, { action: 'Allow' }),
        pathRule(`${HOME}/allowed/**`, { action: 'Allow' }),
        fileRule(`${HOME}/bin/**`, { action: 'Allow' }),
        fileRule(`${HOME}/allowed/**`, { action: 'Allow' }),
        fileRule(`${HOME}/flat-fs/listed/**`, { action: 'Allow' }),
        fileRule('/dev/**', { action: 'Allow' }),
        fileRule('/proc/**', { action: 'Allow' }),
        networkRule('tcp', { action: 'Allow' }),
        ...['chown', 'sys_chroot', 'dac_override'].map((name) => capabilityRule(name, { action: 'Allow' })),
      ),
    ],
  },
  /** One program may read a file, no other. */
  sources: {
    posture: 'audit',
    policies: [
      policyOf(
        fileRule(`${HOME}/secret`),
        fileRule(`${HOME}/secret`, { action: 'Allow', from: [`${HOME}/bin/source`, `${HOME}/bin/linked`] }),
        fileRule(`${HOME}/bin/source`, { readOnly: true }),
      ),
    ],
  },
  /** One program may not start another; so nobody is kept from tracing. */
  callers: { posture: 'audit', policies: [policyOf(pathRule(`${HOME}/bin/blocked`, { from: [`${HOME}/bin/other`] }))] },
  /** A program may be told some things only. */
  arguments: {
    posture: 'audit',
    policies: [
      policyOf(
        pathRule(TOLD, { allowedArgs: [MAY_TELL, '/', ''] }),
        pathRule(`${HOME}/told-script`, { allowedArgs: [MAY_TELL] }),
        nameRule('told-name', { allowedArgs: [MAY_TELL] }),
      ),
    ],
  },
  sockets: {
    posture: 'audit',
    policies: [policyOf(networkRule('tcp'), networkRule('udp'), networkRule('raw'), networkRule('packet'))],
  },
  hardening: { posture: 'audit', policies: [policyOf(...HARDENING_NAMES.map((name) => switchRule(name)))] },
  presets: { posture: 'audit', policies: [policyOf(...PRESET_NAMES.map((name) => switchRule(name)))] },
  /** Presets by themselves. */
  environment: { posture: 'audit', policies: [policyOf(switchRule('protectEnv'))] },
  text: { posture: 'audit', policies: [policyOf(switchRule('anonymousMapExec'))] },
  processes: { posture: 'audit', policies: [policyOf(switchRule('protectProc'))] },
  /** Nobody talks to port 9 of this machine. */
  endpoints: {
    posture: 'audit',
    policies: [policyOf(...['127.0.0.0/8', '::1/128'].map((block) => endpointRule(block, { ports: [{ first: 9, last: 9 }] })))],
  },
  /** Two peers connect to nothing. */
  peers: {
    posture: 'audit',
    policies: [policyOf(...['127.0.0.66/32', '::1/128'].map((block) => endpointRule(block, { operations: ['accept'] })))],
  },
  names: { posture: 'audit', policies: [policyOf(dnsRule('blocked.example'))] },
  patterns: { posture: 'audit', policies: [policyOf(patternRule(`${HOME}/**/*.key`), nameRule('tool'))] },
  capabilities: {
    posture: 'audit',
    policies: [
      policyOf(
        ...['sys_admin', 'sys_chroot', 'sys_nice', 'chown', 'mknod', 'dac_override', 'dac_read_search'].map((name) => capabilityRule(name)),
      ),
    ],
  },
};
