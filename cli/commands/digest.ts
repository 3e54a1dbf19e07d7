import type { Command } from "commander";
import { type ConnectionFlags, connectionFlags } from "../connections.ts";
import { type Io, writeResult } from "../io.ts";
import { formatLocation } from "../location.ts";
import { withSource } from "../open_location.ts";
import { resolvePlatform } from "../resolve_platform.ts";

interface Flags extends ConnectionFlags {
  platform?: string;
  json?: boolean;
}

/** `davit digest`: the digest that a reference names. */
export default function digest(command: Command, io: Io): void {
  connectionFlags(command)
    .argument("<reference>", "alpine:3, ghcr.io/you/app, oci:DIR:TAG, a tar")
    .option("--platform <platform>", "the image for it, of an index: linux/arm64")
    .option("--json", "print {reference, mediaType, digest, size}")
    .action((text: string, flags: Flags) =>
      withSource(text, flags, io, async ({ location, source, reference }) => {
        const found = await resolvePlatform(source, reference, flags.platform, io.signal);
        const { mediaType, digest, size } = found;
        const named = formatLocation(location, reference);
        await writeResult(io, flags, { reference: named, mediaType, digest, size }, [digest]);
      })
    );
}
