import { builtin, runtimeName } from "./builtin.ts";

interface Process {
  pid?: number;
  kill?(pid: number, signal: 0): boolean;
}

interface SyncFiles {
  readFileSync(path: string, encoding: "utf8"): string;
  readlinkSync(path: string): string;
}

interface DenoGlobal {
  permissions: { querySync(descriptor: { name: string }): { state: string } };
}

/** What a process is called in the name of a file, or in a file, that belongs to it. */
export const PROCESS_OWNER = /[0-9a-z]*-[0-9]+-[0-9]+/;

let own: string | undefined;

/**
 * A text that names this process, and no other one: the machine, the process's number, and when it
 * was started, since numbers are used again. Parts that the system does not tell are empty or 0.
 */
export function processOwner(): string {
  const { pid = 0 } = process() ?? {};
  return own ??= `${machineId()}-${pid}-${statusOf(pid)?.start ?? 0}`;
}

/**
 * Whether a process is still running, by what {@linkcode processOwner} answered in it; `undefined`
 * where that cannot be known from here: it may run on another machine, or in another container.
 */
export function isRunning(owner: string): boolean | undefined {
  if (owner === processOwner()) return true;
  const [machine, number, start] = owner.split("-");
  if (!machine || machine !== machineId()) return undefined;
  const pid = Number(number);
  const status = statusOf(pid);
  if (status !== undefined) return status.start === Number(start) && !status.ended;
  try {
    process()?.kill?.(pid, 0);
    return undefined; // it may be another process with the same number
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH" ? false : undefined;
  }
}

let machine: string | undefined;

/** One start of a machine, and one space of process numbers in it: every container has its own. */
function machineId(): string {
  return machine ??= (mayLook() && (linuxId() ?? hostName())) || "";
}

function linuxId(): string | undefined {
  const files = builtin<SyncFiles>("fs");
  try {
    const boot = files?.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").replace(/\W/g, "");
    const space = files?.readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
    return boot && space ? `${boot.slice(0, 12)}${space}` : undefined;
  } catch {
    return undefined;
  }
}

function hostName(): string | undefined {
  const system = builtin<{ hostname(): string }>("os");
  return system?.hostname().toLowerCase().replace(/[^0-9a-z]/g, "").slice(0, 40);
}

/** What Linux says of a process; `undefined` where there is none, or another system. */
function statusOf(pid: number): { start: number; ended: boolean } | undefined {
  if (!mayLook()) return undefined;
  try {
    const text = builtin<SyncFiles>("fs")?.readFileSync(`/proc/${pid}/stat`, "utf8") ?? "";
    // The second field is the program's name in brackets, which may hold anything.
    const [state, ...fields] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { start: Number(fields[18]), ended: state === "Z" || state === "X" };
  } catch {
    return undefined;
  }
}

/** Deno would ask its user for permissions that nothing else here needs. */
function mayLook(): boolean {
  if (runtimeName() !== "deno") return process() !== undefined;
  const { permissions } = (globalThis as unknown as { Deno: DenoGlobal }).Deno;
  const granted = (name: string) => permissions.querySync({ name }).state === "granted";
  return ["read", "write", "run", "sys", "env", "net", "ffi"].every(granted);
}

function process(): Process | undefined {
  return (globalThis as unknown as { process?: Process }).process;
}
