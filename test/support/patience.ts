/**
 * How long the end-to-end tests wait. A limit ends what hangs; it does not judge speed. Machines are emulated, two at a time, on a host that may
 * be four times slower than usual, so each limit is many times what was ever seen. What comes in time never waits for one.
 */
import { NIGHTLY } from './nightly.ts';

/** Milliseconds for one thing to come about. */
export const PATIENCE = 600_000;

/** Seconds for a microVM with all that it does. */
export const MACHINE_LIMIT = NIGHTLY ? 14_400 : 2_400;
