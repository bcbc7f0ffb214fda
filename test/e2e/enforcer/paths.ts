/** Where the scenario's files are. */

/** Everything lives here; on an overlay, as in a container. */
export const HOME = '/var/tmp/enforcer';
export const ACTOR = `${HOME}/bin/actor`;
export const IN_TERMINAL = `${HOME}/bin/in-terminal`;
/** A file below more directories than working memory has room for near by. */
export const DEEPER = `${HOME}/deeper/${'d/'.repeat(140)}file`;
