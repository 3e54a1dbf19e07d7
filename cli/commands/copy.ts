import { type Command, InvalidArgumentError, Option } from "commander";
import { connectionFlags } from "../connections.ts";
import { copyBetween, type CopyFlags } from "../copy_between.ts";
import type { Io } from "../io.ts";
import { parseLocation } from "../location.ts";

/** `davit copy`: from any place to any other. */
export default function copy(command: Command, io: Io): void {
  connectionFlags(command)
    .argument("<source>", "a reference, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, -")
    .argument("<target>", "the same; the source's tag where a folder or a tar has none")
    .option("--platform <platform>", "only this one of an index; may be repeated", gathered)
    .option("--sparse", "with --platform: keep the index as it is")
    .option("--no-attached", "leave signatures, SBOMs and all else that is attached")
    .option("--trust-existing", "do not look into what the target has")
    .option("--dry-run", "say what would be copied")
    .option("--concurrency <number>", "how many blobs move at once", countFrom)
    .option("--tag <tag>", "another tag of the target; may be repeated", gathered)
    .option("--all-tags [pattern]", "every tag; with --all-tags=v1.* those like it")
    .option("--limit <number>", "with --all-tags: copy nothing if there are more", countFrom)
    .addOption(
      new Option("--hash <where>", "who checks blobs: here, or the target registry")
        .choices(["here", "target"]),
    )
    .option("--json", "print what was copied")
    .action((source: string, target: string, flags: CopyFlags) =>
      copyBetween(parseLocation(source), parseLocation(target), flags, io)
    );
}

/** A flag that may be repeated, or hold several values with commas between. */
function gathered(value: string, before: string[] = []): string[] {
  return [...before, ...value.split(",")];
}

function countFrom(value: string): number {
  if (/^[1-9][0-9]{0,6}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("It must be a count from 1.");
}
