/** Programs that may be executed with some arguments only. A command that is killed instead says ECHILD. */
import { nameRule, pathRule, policyOf } from '../../unit/policy/builders.ts';
import type { Group } from './cases.ts';
import { ACTOR, HOME } from './paths.ts';

const FREE = `${HOME}/bin/free`;
const OTHER = `${HOME}/bin/other`;
const FROM_THERE = `${HOME}/bin/from-there`;
const ALLOWED = 'read+/etc/hostname';
const OFTEN = 'read+/dev/null';
const FORBIDDEN = `read+${HOME}/plain`;
/** In no list, because it is too long for one; it opens what the allowed one opens. */
const LONG = `read+${'/'.repeat(250)}etc/hostname`;

/** Scripts and their interpreters. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  [`${HOME}/told-script`]: ACTOR,
  [`${HOME}/free-script`]: FREE,
  [`${HOME}/script-of-told-script`]: `${HOME}/told-script`,
  [`${HOME}/script-of-script`]: `${HOME}/plain-script`,
  [`${HOME}/plain-script`]: ACTOR,
};

export const ARGUMENT_GROUPS: readonly Group[] = [
  {
    name: 'arguments',
    policies: [
      policyOf(
        pathRule(FREE, { allowedArgs: [ALLOWED, OFTEN, 'unshare'] }),
        pathRule(OTHER, { allowedArgs: [ALLOWED], action: 'Audit' }),
        pathRule(FROM_THERE, { allowedArgs: ['unshare'], from: [OTHER] }),
        pathRule(`${HOME}/told-script`, { allowedArgs: [ALLOWED] }),
        pathRule(`${HOME}/script-of-script`, { allowedArgs: [ALLOWED] }),
        nameRule('blocked', { allowedArgs: [ALLOWED] }),
        nameRule('blocked', { allowedArgs: [ALLOWED, OFTEN] }),
        pathRule('/', { match: { type: 'pattern', pattern: `${HOME}/bin/bl*` }, action: 'Audit' }),
      ),
    ],
    tries: [
      [`exec ${FREE}`, '0'],
      [`exec-empty ${FREE}`, '0'],
      [`exec ${FREE} ${ALLOWED}`, '0'],
      [`exec ${FREE} ${ALLOWED} ${OFTEN}`, '0'],
      [`exec ${FREE} ${FORBIDDEN}`, 'ECHILD'],
      [`exec ${FREE} ${ALLOWED} ${FORBIDDEN}`, 'ECHILD'],
      [`exec ${FREE} ${ALLOWED} ${LONG}`, 'ECHILD'],
      [`exec ${ACTOR} ${LONG}`, '0'],
      [`exec-many ${FREE} 1024 ${OFTEN}`, '0'],
      [`exec-many ${FREE} 1025 ${OFTEN}`, 'ECHILD'],
      [`exec-in-thread ${FREE} ${ALLOWED}`, '0'],
      [`exec-in-thread ${FREE} ${FORBIDDEN}`, 'ECHILD'],
      [`exec ${OTHER} ${FORBIDDEN}`, '0'],
      [`exec ${HOME}/told-script ${ALLOWED}`, '0'],
      [`exec ${HOME}/told-script ${ALLOWED} ${FORBIDDEN}`, 'ECHILD'],
      [`exec ${HOME}/free-script ${ALLOWED}`, 'ECHILD'],
      [`exec ${HOME}/script-of-told-script ${ALLOWED}`, 'ECHILD'],
      [`exec ${HOME}/script-of-script ${ALLOWED}`, '0'],
      [`exec ${HOME}/script-of-script ${FORBIDDEN}`, 'ECHILD'],
      [`exec ${HOME}/bin/blocked ${ALLOWED}`, '0'],
      [`exec ${HOME}/bin/blocked ${OFTEN}`, 'ECHILD'],
      [`exec ${HOME}/bin/sub/blocked ${FORBIDDEN}`, 'ECHILD'],
      [`exec ${FROM_THERE} ${FORBIDDEN}`, '0'],
      [`exec ${OTHER} exec+${FROM_THERE}+unshare`, '0'],
      [`exec ${OTHER} exec+${FROM_THERE}+hostname`, 'ECHILD'],
      [`link ${FREE} ${HOME}/bin/alias`, 'EACCES'],
      [`rename ${FREE} ${HOME}/bin/alias`, 'EACCES'],
      [`rename ${HOME}/bin ${HOME}/programs`, 'EACCES'],
    ],
  },
  {
    name: 'an allow-list with arguments',
    posture: 'block',
    policies: [policyOf(pathRule(ACTOR, { action: 'Allow' }), pathRule(FREE, { action: 'Allow', allowedArgs: [ALLOWED] }))],
    tries: [
      [`exec ${FREE} ${ALLOWED}`, '0'],
      [`exec ${FREE} ${FORBIDDEN}`, 'ECHILD'],
      [`exec ${OTHER} ${ALLOWED}`, 'EACCES'],
    ],
  },
];
