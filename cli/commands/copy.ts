import { type Command, InvalidArgumentError, Option } from "commander";
import { copy as move, type CopyOptions, type CopyResult } from "../../copy/mod.ts";
import type { Descriptor } from "../../mod.ts";
import { type ConnectionFlags, connectionFlags, Connections } from "../connections.ts";
import { count, formatBytes, formatTime, shortDigest } from "../format.ts";
import { InterruptedError, type Io, writeResult } from "../io.ts";
import { formatLocation, type Location, parseLocation, STANDARD } from "../location.ts";
import { openSource, openTarget } from "../open_location.ts";
import { Progress } from "../progress.ts";
import { kindOf } from "../progress_state.ts";
import { targetReferences } from "../target_references.ts";

interface Flags extends ConnectionFlags {
  platform?: string[];
  sparse?: boolean;
  attached: boolean;
  trustExisting?: boolean;
  dryRun?: boolean;
  concurrency?: number;
  tag?: string[];
  hash?: "here" | "target";
  json?: boolean;
}

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
    .addOption(
      new Option("--hash <where>", "who checks blobs: here, or the target registry")
        .choices(["here", "target"]),
    )
    .option("--json", "print what was copied")
    .action((source: string, target: string, flags: Flags) =>
      copyBetween(parseLocation(source), parseLocation(target), flags, io)
    );
}

async function copyBetween(from: Location, to: Location, flags: Flags, io: Io): Promise<void> {
  const started = performance.now();
  const references = targetReferences(from, to, flags.tag ?? []);
  const progress = flags.quiet ? undefined : new Progress(io.stderr);
  const connections = new Connections(flags, io, progress?.say);
  let result: CopyResult;
  try {
    const source = await openSource(from, connections, io);
    const target = await openTarget(to, connections, io, flags);
    try {
      const options = copyOptions(flags, io, progress);
      result = await move(source.source, source.reference, target.store, references, options);
      await target.close();
    } catch (error) {
      await target.abort(error);
      throw error;
    } finally {
      await source.close();
    }
  } catch (error) {
    throw io.signal.aborted ? new InterruptedError(interrupted(to)) : error;
  } finally {
    connections.close();
    progress?.end();
  }
  for (const line of summary(result, flags, performance.now() - started)) progress?.say(line);
  const isStream = to.kind === "archive" && to.path === STANDARD;
  if (isStream && flags.quiet) return;
  // A tar on standard output is the result; what else there is to say stands beside it.
  const place = isStream ? { ...io, stdout: io.stderr } : io;
  const { target: { digest } } = result;
  const tags = references.filter((reference) => reference !== digest);
  await writeResult(
    place,
    flags,
    { ...result, dryRun: flags.dryRun ?? false },
    tags.length === 0
      ? [formatLocation(to, digest)]
      : tags.map((tag) => `${formatLocation(to, tag)}@${digest}`),
  );
}

function copyOptions(flags: Flags, io: Io, progress: Progress | undefined): CopyOptions {
  const { platform, sparse, attached, trustExisting, dryRun, concurrency, hash } = flags;
  return {
    attached,
    signal: io.signal,
    ...(platform && { platforms: platform.length === 1 ? platform[0]! : platform }),
    ...(sparse && { sparse }),
    ...(trustExisting && { trustExisting }),
    ...(dryRun && { dryRun }),
    ...(concurrency !== undefined && { concurrency }),
    ...(hash && { verify: hash }),
    // What a dry run tells would read as if it were done: its answer is the plan.
    ...(progress && !dryRun && { onEvent: progress.onEvent }),
  };
}

function interrupted(to: Location): string {
  return to.kind === "archive"
    ? "interrupted; nothing was left behind"
    : "interrupted; the next run goes on where this one stopped";
}

/** What a person wants to know of a copy. */
function summary(result: CopyResult, { dryRun }: Flags, time: number): string[] {
  const { copied, skipped, mounted, leftOut, attached, bytes, source, target } = result;
  const plan = dryRun ? copied.map(planLine) : [];
  const parts = [
    `${dryRun ? "would copy" : "copied"} ${copied.length}`,
    ...(skipped.length > 0 ? [`${skipped.length} were there`] : []),
    ...(mounted.length > 0 ? [`${mounted.length} mounted`] : []),
    ...(leftOut.length > 0 ? [`${leftOut.length} left out`] : []),
  ];
  const moved = dryRun
    ? formatBytes(copied.reduce((sum, { size }) => sum + size, 0))
    : `${formatBytes(bytes)} in ${formatTime(time)}`;
  const lines = [...plan, `${parts.join(", ")}: ${moved}`];
  if (attached.length > 0) lines.push(`with ${count(attached.length, "attached artifact")}`);
  if (!result.signaturesApply) {
    lines.push(
      `a new index was made, ${shortDigest(target.digest)}: signatures of ` +
        `${shortDigest(source.digest)} do not apply to it`,
    );
  }
  return lines;
}

function planLine({ digest, mediaType, size }: Descriptor): string {
  const kind = kindOf(mediaType).padEnd(8);
  return `would copy  ${shortDigest(digest)}  ${kind}  ${formatBytes(size).padStart(8)}`;
}

/** A flag that may be repeated, or hold several values with commas between. */
function gathered(value: string, before: string[] = []): string[] {
  return [...before, ...value.split(",")];
}

function countFrom(value: string): number {
  if (/^[1-9][0-9]{0,4}$/.test(value)) return Number(value);
  throw new InvalidArgumentError("It must be a count from 1.");
}
