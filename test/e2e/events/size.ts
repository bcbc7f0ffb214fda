/** How large the floods are. */
export const HOME = '/var/tmp/events';
/** Long names make large records. */
export const DEEP = `${HOME}/${'many'.repeat(50)}/${'files'.repeat(40)}`;
export const TASKS = 40;
export const TIMES = 500;
export const FILES = 60;
/** Each by a rule of its own: all of them have records of their own, more than the ring buffer holds. */
export const MANY = 12_000;
