/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_H
#define AGENT_H

/* Something that would keep the agent from its work; an errno. */
int act_on_agent(const char *how);

#endif
