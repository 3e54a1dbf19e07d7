import type { Command } from "commander";
import { type ConnectionFlags, connectionFlags } from "../connections.ts";
import { formatBytes } from "../format.ts";
import { inspect as look, totalSize } from "../inspect.ts";
import { inspectTree } from "../inspect_tree.ts";
import { type Io, writeResult } from "../io.ts";
import { formatLocation } from "../location.ts";
import { withSource } from "../open_location.ts";
import { resolvePlatform } from "../resolve_platform.ts";

interface Flags extends ConnectionFlags {
  platform?: string;
  attached: boolean;
  json?: boolean;
}

/** `davit inspect`: the tree of what a reference names. */
export default function inspect(command: Command, io: Io): void {
  connectionFlags(command)
    .argument("<reference>", "alpine:3, ghcr.io/you/app, oci:DIR:TAG, a tar")
    .option("--platform <platform>", "the image for it alone, of an index: linux/arm64")
    .option("--no-attached", "do not look for what is attached")
    .option("--json", "print the tree as JSON")
    .action((text: string, flags: Flags) =>
      withSource(text, flags, io, async ({ location, source, reference }) => {
        const root = await resolvePlatform(source, reference, flags.platform, io.signal);
        const { attached } = flags;
        const tree = await look(source, root, { attached, signal: io.signal });
        const total = totalSize(tree);
        const name = formatLocation(location, reference);
        const columns = io.stdout.isTerminal ? io.stdout.columns() : Infinity;
        await writeResult(io, flags, { reference: name, totalSize: total, ...tree }, [
          `${name}  ${formatBytes(total)} in all`,
          ...inspectTree(tree, columns),
        ]);
      })
    );
}
