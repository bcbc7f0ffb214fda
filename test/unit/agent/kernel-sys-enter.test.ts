import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { SysEnter } from '../../../agent/src/adapters/kernel/sys-enter.ts';

let directory: string;
let calls: string[];
let attaching: number;
const library = {
  bpf_obj_get: (file: string) => (calls.push(`get ${path.basename(file)}`), 5),
  bpf_raw_tracepoint_open: (name: string, program: number) => (calls.push(`open ${name} ${program}`), attaching),
  bpf_obj_pin: (fd: number, file: string) => (calls.push(`pin ${fd}`), writeFileSync(file, ''), 0),
  close: (fd: number) => (calls.push(`close ${fd}`), 0),
};

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'parapet-sys-enter-'));
  calls = [];
  attaching = 6;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('it is attached once, by a pinned link, and its descriptors are closed', () => {
  const sysEnter = new SysEnter(library, directory);
  expect(sysEnter.attached).toBe(false);
  sysEnter.attach();
  sysEnter.attach();
  expect(calls).toEqual(['get on_syscall', 'open sys_enter 5', 'pin 6', 'close 6', 'close 5']);
  expect(new SysEnter(library, directory).attached).toBe(true);
});

test('detaching removes the link’s pin, which is all that holds it', () => {
  const sysEnter = new SysEnter(library, directory);
  sysEnter.attach();
  sysEnter.detach();
  sysEnter.detach();
  expect(existsSync(path.join(directory, 'on_syscall-link'))).toBe(false);
});

test('what the kernel refuses is told, and no descriptor is left open', () => {
  attaching = -1;
  expect(() => new SysEnter(library, directory).attach()).toThrow(/attaching to system calls: EPERM/);
  expect(calls).toEqual(['get on_syscall', 'open sys_enter 5', 'close 5']);
});
