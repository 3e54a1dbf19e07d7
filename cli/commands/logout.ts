import type { Command } from "commander";
import { dockerCredentials, logout as forget } from "../../auth/mod.ts";
import { type Io, writeResult } from "../io.ts";
import { typedRegistry } from "../typed_registry.ts";

/** `davit logout`: forgets the credentials for a registry. */
export default function logout(command: Command, io: Io): void {
  command
    .argument("[registry]", "the registry's host", "docker.io")
    .option("--json", "print {registry}")
    .action(async (name: string, flags: { json?: boolean }) => {
      const environment = io.env;
      const registry = typedRegistry(name);
      await forget(registry, { environment });
      const find = dockerCredentials({ environment });
      if (await Promise.resolve(find({ host: registry })).catch(() => undefined) !== undefined) {
        await io.stderr.write(
          `credentials for ${registry} are still found: podman's, which podman logout ${registry} ` +
            "forgets, or those in DOCKER_AUTH_CONFIG\n",
        ).catch(() => {});
      }
      await writeResult(io, flags, { registry }, [`logged out of ${registry}`]);
    });
}
