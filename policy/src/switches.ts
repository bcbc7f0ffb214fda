/** Switches by their numbers in the kernel. */
import { SWITCH } from './abi.ts';
import type { SwitchName } from './model.ts';

/** The switch that an event's first detail means; undefined where there is none of that number. */
export function switchOf(number: number): SwitchName | undefined {
  return (Object.keys(SWITCH) as SwitchName[]).find((name) => SWITCH[name] === number);
}
