/** Where the scenario's files are. */

/** Everything lives here; on an overlay, as in a container. */
export const HOME = '/var/tmp/enforcer';
export const ACTOR = `${HOME}/bin/actor`;
export const IN_TERMINAL = `${HOME}/bin/in-terminal`;
