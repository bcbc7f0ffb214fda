/** How many tasks at once, in the container's cgroup and after they moved to the root's. */
export const CROWDS = ([3, 60, 200] as const).flatMap((tasks) => (['stay', 'leave'] as const).map((place) => ({ tasks, place })));
