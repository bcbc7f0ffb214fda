/** How much the agent is given to keep. */
export const CONTAINERS = 500;
export const POLICIES = 100;
