/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOCKETS_H
#define SOCKETS_H

/* Runs a command about sockets: its errno, or 0; ENOSYS when there is no such command. */
int act_on_sockets(char **words);

/* Runs a command about names: dns HOW NAME. */
int act_on_names(char **words);

/* Runs a command about who connects; ENOSYS when there is no such command. */
int act_on_peers(char **words);

#endif
