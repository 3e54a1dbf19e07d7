import { machine } from "../runtime/machine.ts";
import type { Platform } from "./descriptor.ts";

/** Node's names that are not Go's. */
const NAMES: Readonly<Record<string, string>> = {
  ...{ win32: "windows", sunos: "solaris" },
  ...{ x64: "amd64", ia32: "386", loong64: "loong64", ppc64: "ppc64le", mipsel: "mipsle" },
};

/**
 * What runs on this machine, the best first: its own platform, then Linux on the same processor, as
 * Docker runs it on macOS and Windows. A browser does not tell: Linux on `amd64` stands for it.
 */
export function ownPlatforms(here: ReturnType<typeof machine> = machine()): Platform[] {
  const name = (text: string) => NAMES[text] ?? text;
  const os = name(here?.os ?? "linux");
  const architecture = name(here?.architecture ?? "amd64");
  const linux = { os: "linux", architecture };
  return os === "linux" ? [linux] : [{ os, architecture }, linux];
}
