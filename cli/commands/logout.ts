import type { Command } from "commander";
import { logout as forget } from "../../auth/mod.ts";
import { type Io, writeResult } from "../io.ts";

/** `davit logout`: forgets the credentials for a registry. */
export default function logout(command: Command, io: Io): void {
  command
    .argument("[registry]", "the registry's host", "docker.io")
    .option("--json", "print {registry}")
    .action(async (registry: string, flags: { json?: boolean }) => {
      await forget(registry, { environment: io.env });
      await writeResult(io, flags, { registry }, [`logged out of ${registry}`]);
    });
}
