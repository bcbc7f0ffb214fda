/** A dozen accesses that every kernel must judge alike: commands of enforcer/actor.c and their results. */
import type { Policy } from '@parapet/policy';
import { capabilityRule, fileRule, networkRule, pathRule, policyOf } from '../../unit/policy/builders.ts';

export const HOME = '/run/smoke';
export const ACTOR = `${HOME}/actor`;
const OTHER = `${HOME}/other`;

/** Copies of the actor, and files. */
export const PROGRAMS = [OTHER, `${HOME}/blocked`];
export const FILES = ['secret', 'plain', 'tree/a/b/file', 'by-other', 'read-only'].map((name) => `${HOME}/${name}`);

export const POLICY: Policy = policyOf(
  pathRule(`${HOME}/blocked`),
  fileRule(`${HOME}/secret`),
  fileRule(`${HOME}/tree/**`),
  fileRule(`${HOME}/read-only`, { readOnly: true }),
  fileRule(`${HOME}/by-other`, { from: [OTHER] }),
  networkRule('udp'),
  capabilityRule('sys_admin'),
);

export const TRIES: readonly (readonly [command: string, result: string])[] = [
  [`exec ${OTHER}`, '0'],
  [`exec ${HOME}/blocked`, 'EACCES'],
  [`exec-memory ${OTHER}`, '0'],
  [`read ${HOME}/secret`, 'EACCES'],
  [`read ${HOME}/plain`, '0'],
  [`read ${HOME}/tree/a/b/file`, 'EACCES'],
  [`read ${HOME}/read-only`, '0'],
  [`write ${HOME}/read-only`, 'EACCES'],
  [`empty ${HOME}/read-only`, 'EACCES'],
  [`rename ${HOME}/secret ${HOME}/moved`, 'EACCES'],
  [`link ${HOME}/secret ${HOME}/linked`, 'EACCES'],
  [`read ${HOME}/by-other`, '0'],
  [`exec ${OTHER} read+${HOME}/by-other`, 'EACCES'],
  ['socket 2 1 0', '0'],
  ['socket 2 2 0', 'EACCES'],
  ['hostname', 'EPERM'],
];
