import type { Command } from "commander";
import { type ContentSource, InvalidOptionError, parseReference } from "../../mod.ts";
import { type ConnectionFlags, connectionFlags, Connections } from "../connections.ts";
import { plainText } from "../format.ts";
import type { Io } from "../io.ts";
import { isRegistryAlone } from "../location.ts";
import { withSource } from "../open_location.ts";

interface Flags extends ConnectionFlags {
  json?: boolean;
}

/** `davit ls`: the tags of a repository, a folder or a tar; the repositories of a registry. */
export default function ls(command: Command, io: Io): void {
  connectionFlags(command)
    .argument("<place>", "a repository, a registry (ghcr.io), oci:DIR, or a tar")
    .option("--json", 'print {"tags": […]} or {"repositories": […]}')
    .action(async (place: string, flags: Flags) => {
      const name = place.replace(/^(?:oci|docker):\/\//, "").replace(/\/$/, "");
      if (!isRegistryAlone(name)) {
        return await withSource(
          place,
          flags,
          io,
          async ({ source }) => await print("tags", tagsOf(source)),
        );
      }
      const connections = new Connections(flags, io);
      try {
        const { registry } = parseReference(`${name}/name`);
        const client = await connections.client(name, registry);
        await print("repositories", client.repositories());
      } finally {
        connections.close();
      }
    });

  async function print(what: string, names: AsyncIterable<string>): Promise<void> {
    const { json } = command.opts<Flags>();
    const gathered: string[] = [];
    for await (const name of names) {
      if (json) gathered.push(name);
      else await io.stdout.write(`${plainText(name)}\n`);
    }
    if (json) await io.stdout.write(`${JSON.stringify({ [what]: gathered }, undefined, 2)}\n`);
  }
}

function tagsOf(source: ContentSource): AsyncIterable<string> {
  if (source.tags !== undefined) return source.tags();
  throw new InvalidOptionError("Cannot list tags here: this place has none");
}
