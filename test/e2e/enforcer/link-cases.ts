/** Files that had another name before there were rules, and files of another mount namespace. */
import { fileRule, pathRule, policyOf, switchRule } from '../../unit/policy/builders.ts';
import type { Group } from './cases.ts';
import { ACTOR, HOME } from './paths.ts';

const OTHER = `${HOME}/bin/other`;
const ALLOWED = 'read+/etc/hostname';

/** Hard links and what they are to. */
export const HARD_LINKS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['secret', 'read-only', 'audited', 'by-other', 'program', 'told'].map((name) => [`also-${name}`, `linked/${name}`]),
  ),
  ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`applet${i}`, 'linked/many'])),
};
export const LINKED_FILES = ['secret', 'read-only', 'audited', 'by-other', 'single'].map((name) => `linked/${name}`);
export const LINKED_PROGRAMS = ['program', 'told', 'many'].map((name) => `linked/${name}`);

export const LINK_GROUPS: readonly Group[] = [
  {
    name: 'other names',
    policies: [
      policyOf(
        switchRule('mounts', { action: 'Allow' }), // making another namespace's file takes one
        fileRule(`${HOME}/linked/secret`),
        fileRule(`${HOME}/linked/single`),
        fileRule(`${HOME}/linked/read-only`, { readOnly: true }),
        fileRule(`${HOME}/linked/audited`, { action: 'Audit' }),
        fileRule(`${HOME}/linked/by-other`, { from: [OTHER] }),
        pathRule(`${HOME}/linked/program`),
        pathRule(`${HOME}/linked/many`),
        pathRule(`${HOME}/linked/told`, { allowedArgs: [ALLOWED] }),
      ),
    ],
    tries: [
      [`read ${HOME}/linked/secret`, 'EACCES'],
      [`read ${HOME}/also-secret`, 'EACCES'],
      [`write ${HOME}/also-secret`, 'EACCES'],
      [`unlink ${HOME}/also-secret`, 'EACCES'],
      [`rename ${HOME}/also-secret ${HOME}/renamed`, 'EACCES'],
      [`read ${HOME}/also-read-only`, '0'],
      [`write ${HOME}/also-read-only`, 'EACCES'],
      [`truncate ${HOME}/also-read-only`, 'EACCES'],
      [`read ${HOME}/also-audited`, '0'],
      [`read ${HOME}/also-by-other`, '0'],
      [`exec ${OTHER} read+${HOME}/also-by-other`, 'EACCES'],
      [`exec ${HOME}/also-program`, 'EACCES'],
      [`exec ${HOME}/also-told ${ALLOWED}`, '0'],
      [`exec ${HOME}/also-told read+${HOME}/plain`, 'ECHILD'],
      [`rename ${HOME}/also-told ${HOME}/renamed`, 'EACCES'],
      [`exec ${HOME}/linked/many`, 'EACCES'],
      [`exec ${HOME}/applet0`, '0'],
      [`read-foreign ${HOME}/linked single`, 'EACCES'],
      [`read-foreign ${HOME}/linked secret`, 'EACCES'],
      [`read-foreign ${HOME} plain`, '0'],
      ['unshare', '0'],
      [`read ${HOME}/also-secret`, 'EACCES'],
    ],
  },
  {
    name: 'a file that comes to its path later',
    policies: [policyOf(fileRule(`${HOME}/late`), fileRule(`${HOME}/late`, { action: 'Allow', from: [OTHER] }))],
    tries: [
      [`create ${HOME}/coming`, '0'],
      [`link ${HOME}/coming ${HOME}/had-before`, '0'],
      [`rename ${HOME}/coming ${HOME}/late`, 'EACCES'],
      [`link ${HOME}/coming ${HOME}/late`, 'EACCES'],
      [`exec ${OTHER} rename+${HOME}/coming+${HOME}/late`, '0'],
      [`read ${HOME}/late`, 'EACCES'],
      [`link ${HOME}/late ${HOME}/had-after`, 'EACCES'],
      [`rename ${HOME}/late ${HOME}/had-after`, 'EACCES'],
      [`exchange ${HOME}/plain ${HOME}/late`, 'EACCES'],
      [`read ${HOME}/had-before`, '0'], // it could be read before the file came
    ],
  },
  {
    name: 'a file of another mount namespace and an allow-list',
    posture: 'block',
    policies: [
      policyOf(
        switchRule('mounts', { action: 'Allow' }),
        fileRule('/**', { action: 'Allow' }),
        fileRule(`${HOME}/linked/single`),
        pathRule(ACTOR, { action: 'Allow' }),
      ),
    ],
    tries: [
      [`read ${HOME}/plain`, '0'],
      [`read-foreign ${HOME} plain`, 'EACCES'],
    ],
  },
];
