/** What is tried under the real hooks, and what must come of it. Policies and commands here; scenario.ts runs them in the microVM. */
import type { Policy } from '@parapet/policy';
import { ARGUMENT_GROUPS } from './argument-cases.ts';
import { CALL_GROUPS } from './call-cases.ts';
import { DOOR_GROUPS } from './door-cases.ts';
import { LINK_GROUPS } from './link-cases.ts';
import { NETWORK_GROUPS } from './network-cases.ts';
import { ACTOR, HOME, IN_TERMINAL } from './paths.ts';
import { capabilityRule, fileRule, nameRule, networkRule, pathRule, patternRule, policyOf } from '../../unit/policy/builders.ts';

import { INTRUSION_GROUPS } from './intrusion-cases.ts';
const ROOT_CGROUP = '/sys/fs/cgroup/cgroup.procs';
export const LONG = 'long-name-of-more-than-twenty-four-bytes';

export interface Group {
  readonly name: string;
  readonly policies: readonly Policy[];
  readonly posture?: 'audit' | 'block';
  /** A command of actor.c and the result it must print. One actor runs them in order. */
  readonly tries: readonly (readonly [command: string, result: string])[];
}

const rules = policyOf(
  pathRule(`${HOME}/bin/blocked`),
  pathRule(`${HOME}/bin/from-there`, { from: [`${HOME}/bin/other`] }),
  fileRule(`${HOME}/secret`),
  fileRule(`${HOME}/deep/**`),
  fileRule(`${HOME}/${LONG}/file`),
  fileRule(`${HOME}/flat/`),
  fileRule(`${HOME}/read-only/**`, { readOnly: true }),
  fileRule(`${HOME}/owned`, { ownerOnly: true }),
  fileRule(`${HOME}/audited`, { action: 'Audit' }),
  fileRule(`${HOME}/by-actor`, { from: [ACTOR] }),
  fileRule(`${HOME}/by-other`, { from: [`${HOME}/bin/other`] }),
  networkRule('udp'),
  capabilityRule('sys_admin'),
);

export const GROUPS: readonly Group[] = [
  {
    name: 'executing',
    policies: [rules],
    tries: [
      [`exec ${HOME}/bin/free`, '0'],
      [`exec ${HOME}/bin/blocked`, 'EACCES'],
      [`exec ${HOME}/script`, 'EACCES'],
      [`exec-in-thread ${HOME}/bin/free`, '0'],
      [`exec-in-thread ${HOME}/bin/blocked`, 'EACCES'],
      [`exec-memory ${HOME}/bin/free`, '0'],
      [`exec ${HOME}/bin/from-there`, '0'],
      [`exec ${HOME}/bin/other exec+${HOME}/bin/from-there`, 'EACCES'],
    ],
  },
  {
    name: 'files',
    policies: [rules],
    tries: [
      ['read /etc/hostname', '0'],
      [`read ${HOME}/secret`, 'EACCES'],
      [`write ${HOME}/secret`, 'EACCES'],
      [`read ${HOME}/link-to-secret`, 'EACCES'],
      [`read ${HOME}/bin/../secret`, 'EACCES'],
      [`read ${HOME}/deep`, 'EACCES'],
      [`read ${HOME}/deep/a/b/c`, 'EACCES'],
      [`read ${HOME}/flat/file`, 'EACCES'],
      [`read ${HOME}/flat/sub/file`, '0'],
      [`read ${HOME}/bin`, '0'], // on an overlay, which opens its layers' directories
      ['read /', '0'],
      ['write /etc/debian_version', '0'], // is copied to the upper layer
      [`read ${HOME}/${LONG}/file`, 'EACCES'],
      [`read ${HOME}/${LONG}/other`, '0'],
      [`read ${HOME}/read-only/file`, '0'],
      [`readwrite ${HOME}/read-only/file`, 'EACCES'],
      [`write ${HOME}/read-only/file`, 'EACCES'],
      [`empty ${HOME}/read-only/file`, 'EACCES'],
      [`read ${HOME}/audited`, '0'],
      [`read ${HOME}/owned`, 'EACCES'],
      [`read ${HOME}/by-actor`, 'EACCES'],
      [`read ${HOME}/by-other`, '0'],
      [`exec ${HOME}/bin/other read+${HOME}/by-other`, 'EACCES'],
      [`exec ${HOME}/bin/other read+${HOME}/by-actor`, '0'],
      [`exec-in-thread ${HOME}/bin/other read+${HOME}/by-other`, 'EACCES'],
    ],
  },
  {
    name: 'names',
    policies: [rules],
    tries: [
      [`create ${HOME}/read-only/new`, 'EACCES'],
      [`mkdir ${HOME}/read-only/new`, 'EACCES'],
      [`rmdir ${HOME}/read-only/dir`, 'EACCES'],
      [`unlink ${HOME}/read-only/file`, 'EACCES'],
      [`symlink /etc ${HOME}/read-only/link`, 'EACCES'],
      [`rename ${HOME}/read-only/file ${HOME}/moved`, 'EACCES'],
      [`rename ${HOME}/plain ${HOME}/read-only/file`, 'EACCES'],
      [`link ${HOME}/secret ${HOME}/alias`, 'EACCES'],
      [`link ${HOME}/bin/blocked ${HOME}/bin/alias`, 'EACCES'],
      [`rename ${HOME}/bin/blocked ${HOME}/bin/alias`, 'EACCES'],
      [`exchange ${HOME}/plain ${HOME}/bin/blocked`, 'EACCES'],
      [`rename ${HOME}/flat ${HOME}/elsewhere`, 'EACCES'],
      [`rename ${HOME}/bin ${HOME}/programs`, 'EACCES'],
      [`exchange ${HOME}/free-directory ${HOME}/bin`, 'EACCES'],
      [`rename ${HOME} ${HOME}-moved`, 'EACCES'],
      [`rename ${HOME}/free-directory ${HOME}/freer`, '0'],
      [`chmod ${HOME}/read-only/file`, 'EACCES'],
      [`chown ${HOME}/read-only/file`, 'EACCES'],
      [`truncate ${HOME}/read-only/file`, 'EACCES'],
      [`create ${HOME}/new`, '0'],
      [`rename ${HOME}/new ${HOME}/newer`, '0'],
      [`truncate ${HOME}/newer`, '0'],
      [`unlink ${HOME}/newer`, '0'],
    ],
  },
  {
    name: 'sockets and capabilities',
    policies: [rules],
    tries: [
      ['socket 2 1 0', '0'],
      ['socket 2 2 0', 'EACCES'],
      ['socket 10 2 17', 'EACCES'],
      ['socket 1 2 0', '0'],
      ['tcp connect', 'ECONNREFUSED'],
      ['tcp bind', '0'],
      ['hostname', 'EPERM'],
      ['setuid 1000', '0'],
      [`read ${HOME}/owned`, '0'],
    ],
  },
  {
    name: 'patterns and names',
    policies: [
      policyOf(
        patternRule(`${HOME}/**/*.key`),
        patternRule(`${HOME}/flat/{file,other}`, { readOnly: true }),
        patternRule(`${HOME}/deep/**`, { action: 'Audit' }),
        fileRule(`${HOME}/deep/a/`, { action: 'Allow' }),
        fileRule('/**', { action: 'Allow' }),
        fileRule(`${HOME}/flat/sub/`),
        patternRule(`${HOME}/flat/sub/f*`, { action: 'Allow' }),
        nameRule('blocked'),
        nameRule('from-there', { from: [`${HOME}/bin/other`] }),
        pathRule(`${HOME}/bin/sub/blocked`, { action: 'Allow' }),
        pathRule('/**', { action: 'Allow' }),
        pathRule('/', { match: { type: 'pattern', pattern: `${HOME}/bin/f[a-z]ee` } }),
      ),
    ],
    tries: [
      [`read ${HOME}/${LONG}/x.key`, 'EACCES'],
      [`read ${HOME}/x.key`, '0'],
      [`read ${HOME}/flat/file`, '0'],
      [`write ${HOME}/flat/file`, 'EACCES'],
      [`read ${HOME}/flat/sub/file`, '0'],
      [`read ${HOME}/flat/sub`, 'EACCES'],
      [`read ${HOME}/deep/a/b/c`, '0'],
      [`rename ${HOME}/plain ${HOME}/flat/plain.key`, 'EACCES'],
      [`exec ${HOME}/bin/free`, 'EACCES'],
      [`exec ${HOME}/bin/blocked`, 'EACCES'],
      [`exec ${HOME}/bin/sub/blocked`, '0'],
      [`exec ${HOME}/bin/from-there`, '0'],
      [`exec ${HOME}/bin/other exec+${HOME}/bin/from-there`, 'EACCES'],
      [`rename ${HOME}/bin/blocked ${HOME}/bin/renamed`, 'EACCES'],
    ],
  },
  {
    name: 'sources by directory',
    policies: [
      policyOf(
        fileRule(`${HOME}/by-actor`, { from: [{ dir: `${HOME}/bin/`, recursive: false }] }),
        fileRule(`${HOME}/by-other`, { from: [{ dir: `${HOME}/bin/sub/`, recursive: true }] }),
        fileRule(`${HOME}/plain`, { from: [{ dir: '/', recursive: true }] }),
        fileRule(`${HOME}/owned`, { from: [{ dir: `${HOME}/`, recursive: false }] }),
        networkRule('udp', { from: [{ dir: `${HOME}/bin/`, recursive: true }, `${HOME}/bin/other`] }),
      ),
    ],
    tries: [
      [`read ${HOME}/by-actor`, 'EACCES'],
      [`read ${HOME}/by-other`, '0'],
      [`read ${HOME}/plain`, 'EACCES'],
      [`read ${HOME}/owned`, '0'],
      ['socket 2 2 0', 'EACCES'],
      [`exec ${HOME}/bin/sub/blocked read+${HOME}/by-actor`, '0'],
      [`exec ${HOME}/bin/sub/blocked read+${HOME}/by-other`, 'EACCES'],
      [`exec ${HOME}/bin/sub/blocked socket+2+2+0`, 'EACCES'],
    ],
  },
  {
    name: 'with and without a terminal',
    policies: [
      policyOf(
        fileRule(`${HOME}/secret`, { noTerminal: true }),
        fileRule(`${HOME}/read-only/**`, { noTerminal: true, readOnly: true }),
        fileRule(`${HOME}/audited`, { noTerminal: true, action: 'Audit' }),
        pathRule(`${HOME}/bin/blocked`, { noTerminal: true }),
        networkRule('udp', { noTerminal: true }),
      ),
    ],
    tries: [
      [`read ${HOME}/secret`, '0'],
      [`write ${HOME}/read-only/file`, 'EACCES'],
      [`exec ${HOME}/bin/blocked`, '0'],
      ['socket 2 2 0', '0'],
      [`exec ${IN_TERMINAL} ${ACTOR} read+${HOME}/plain`, '0'],
      [`exec ${IN_TERMINAL} ${ACTOR} read+${HOME}/secret`, 'EACCES'],
      [`exec ${IN_TERMINAL} ${ACTOR} read+${HOME}/read-only/file`, 'EACCES'],
      [`exec ${IN_TERMINAL} ${ACTOR} read+${HOME}/audited`, '0'],
      [`exec ${IN_TERMINAL} ${HOME}/bin/blocked`, 'EACCES'],
      [`exec ${IN_TERMINAL} ${ACTOR} socket+2+2+0`, 'EACCES'],
      [`exec ${IN_TERMINAL} ${ACTOR} socket+2+1+0`, '0'],
    ],
  },
  {
    name: 'a label that cannot be shed',
    policies: [rules],
    tries: [
      [`read-after-leader ${HOME}/secret`, 'EACCES'],
      [`move ${ROOT_CGROUP}`, '0'],
      [`read ${HOME}/secret`, 'EACCES'],
      [`exec ${HOME}/bin/blocked`, 'EACCES'],
      [`exec ${ACTOR} read+${HOME}/secret`, 'EACCES'],
      [`exec-in-thread ${ACTOR} read+${HOME}/secret`, 'EACCES'],
    ],
  },
  {
    name: 'a crowd on one processor',
    policies: [policyOf(fileRule(`${HOME}/secret`))],
    tries: [
      [`move ${ROOT_CGROUP}`, '0'],
      [`crowd 60 ${HOME}/secret ${HOME}/plain`, '0'],
    ],
  },
  {
    name: 'another mount namespace',
    policies: [policyOf(fileRule(`${HOME}/secret`))],
    tries: [
      ['unshare', '0'],
      [`read ${HOME}/secret`, 'EACCES'],
      [`exec ${ACTOR} read+${HOME}/secret`, 'EACCES'],
    ],
  },
  {
    name: 'an allow-list that blocks',
    posture: 'block',
    policies: [
      policyOf(
        pathRule(ACTOR, { action: 'Allow' }),
        fileRule(`${HOME}/`, { action: 'Allow' }),
        fileRule(`${HOME}/bin/**`, { action: 'Allow' }),
        fileRule('/dev/**', { action: 'Allow' }),
        networkRule('tcp', { action: 'Allow' }),
        capabilityRule('chown', { action: 'Allow' }),
      ),
    ],
    tries: [
      [`exec ${ACTOR}`, '0'],
      [`exec ${HOME}/bin/free`, 'EACCES'],
      [`exec-memory ${HOME}/bin/free`, 'EACCES'],
      [`read ${HOME}/secret`, '0'],
      [`read ${HOME}/flat/file`, 'EACCES'],
      ['read /etc/hostname', 'EACCES'],
      ['socket 2 1 0', '0'],
      ['tcp fastopen', 'ECONNREFUSED'],
      ['socket 1 1 0', 'EACCES'],
      ['hostname', 'EPERM'],
    ],
  },
  {
    name: 'an allow-list that audits',
    posture: 'audit',
    policies: [policyOf(pathRule(ACTOR, { action: 'Allow' }), networkRule('tcp', { action: 'Allow' }))],
    tries: [
      [`exec ${HOME}/bin/free`, '0'],
      ['socket 1 1 0', '0'],
    ],
  },
  ...CALL_GROUPS,
  ...DOOR_GROUPS,
  ...NETWORK_GROUPS,
  ...INTRUSION_GROUPS,
  ...ARGUMENT_GROUPS,
  ...LINK_GROUPS,
];
