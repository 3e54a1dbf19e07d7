import {
  ContentNotFoundError,
  type ContentSource,
  type Descriptor,
  formatPlatform,
  InvalidOptionError,
  parseReference,
  readManifest,
} from "../mod.ts";
import { type CopiedContent, copy, type CopyOptions, copyTags } from "../copy/mod.ts";
import { type ConnectionFlags, Connections } from "./connections.ts";
import { count, formatBytes, formatTime, shortDigest } from "./format.ts";
import { InterruptedError, type Io, writeResult } from "./io.ts";
import { formatLocation, isDockerArchive, type Location, STANDARD } from "./location.ts";
import { type OpenedSource, type OpenedTarget, openSource, openTarget } from "./open_location.ts";
import { Progress } from "./progress.ts";
import { kindOf } from "./progress_state.ts";
import { targetReferences } from "./target_references.ts";

/** The flags of `davit copy`. */
export interface CopyFlags extends ConnectionFlags {
  /** Which platforms of an index. */
  platform?: string[];
  /** Whether the index stays as it is although platforms are left out. */
  sparse?: boolean;
  /** Whether what is attached comes along. */
  attached: boolean;
  /** Whether the target's manifests are taken to be whole. */
  trustExisting?: boolean;
  /** Whether nothing is written. */
  dryRun?: boolean;
  /** How many blobs move at once. */
  concurrency?: number;
  /** More tags of the target. */
  tag?: string[];
  /** Which tags, where it is many of them. */
  allTags?: string;
  /** The most tags. */
  limit?: number;
  /** Who checks blobs. */
  hash?: "here" | "target";
  /** Whether the result is printed as JSON. */
  json?: boolean;
}

/** What a copy came to: its result, what names it, and what there is to say of it. */
interface Copied {
  result: CopiedContent;
  lines: string[];
  notes: string[];
}

/** Copies from a place to another one, shows how it goes, and prints what the target is called. */
export async function copyBetween(
  from: Location,
  to: Location,
  flags: CopyFlags,
  io: Io,
): Promise<void> {
  const started = performance.now();
  checkFlags(from, to, flags);
  const progress = flags.quiet ? undefined : new Progress(
    io.stderr,
    undefined,
    io.stderr.isTerminal && io.env.TERM !== "dumb",
  );
  const connections = new Connections(flags, io, progress?.say);
  let copied: Copied;
  try {
    const source = await openSource(from, connections, io);
    const target = await openTarget(to, connections, io, flags);
    try {
      const options = copyOptions(to, flags, io, progress);
      copied = flags.allTags !== undefined
        ? await copyMany(source, target, to, flags, options)
        : await copyOne(source, target, { from, to, tags: flags.tag ?? [] }, options);
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
  const { result, lines, notes } = copied;
  const said = [...summary(result, flags, performance.now() - started), ...notes];
  for (const line of said) progress?.say(line);
  const { dryRun = false } = flags;
  // A tar on standard output is the result: what it is called stands beside it.
  const isStream = to.kind === "archive" && to.path === STANDARD;
  if (isStream && flags.quiet) return;
  const place = isStream ? { ...io, stdout: io.stderr } : io;
  await writeResult(place, flags, { ...result, dryRun }, lines);
}

/** Refuses flags that do nothing without another, and those that say different things. */
function checkFlags(from: Location, to: Location, flags: CopyFlags): void {
  const { allTags, tag = [], limit, platform, sparse } = flags;
  if (sparse && (platform === undefined || isDockerArchive(to))) {
    throw new InvalidOptionError(
      `Cannot use --sparse: ${
        platform === undefined ? "it goes with --platform" : "a docker-archive holds no index"
      }`,
    );
  }
  if (allTags === undefined && limit !== undefined) {
    throw new InvalidOptionError("Cannot use --limit: it goes with --all-tags");
  }
  if (allTags === undefined || (tag.length === 0 && [from, to].every(isUntagged))) return;
  throw new InvalidOptionError(
    "Cannot use --all-tags with a tag or a digest: it copies the source's tags under their names",
  );
}

function isUntagged(location: Location): boolean {
  if (location.kind !== "registry") return location.reference === "";
  return location.reference.tag === undefined && location.reference.digest === undefined;
}

async function copyOne(
  { source, reference, madeManifests }: OpenedSource,
  { store }: OpenedTarget,
  { from, to, tags: more }: { from: Location; to: Location; tags: readonly string[] },
  options: CopyOptions,
): Promise<Copied> {
  const named = from.kind === "registry" || from.reference !== ""
    ? from
    : { ...from, reference: await onlyName(source, options) };
  const references = targetReferences(named, to, more);
  if (isDockerArchive(to) && typeof options.platforms !== "string") {
    await refuseIndex(source, reference, options);
  }
  const result = await copy(source, reference, store, references, options);
  const { digest } = result.target;
  const tags = references.filter((each) => each !== digest);
  const notes = [];
  if (madeManifests?.has(result.source.digest)) {
    notes.push("the tar has no manifest: one was made, whose digest no registry has given it");
  }
  if (!result.signaturesApply) {
    notes.push(
      `a new index was made, ${shortDigest(digest)}: signatures of ` +
        `${shortDigest(result.source.digest)} do not apply to it`,
    );
  }
  const places = tags.map((tag) => formatLocation(to, tag));
  // A tar of docker's keeps no manifest: what is read back has another digest.
  if (isDockerArchive(to)) {
    return { result, lines: places.length > 0 ? places : [formatLocation(to, "")], notes };
  }
  const lines = places.length === 0
    ? [formatLocation(to, digest)]
    : places.map((place) => `${place}@${digest}`);
  return { result, lines, notes };
}

/** The name of the only image in a folder or a tar; empty where there are several, or none has one. */
async function onlyName(source: ContentSource, { signal }: CopyOptions): Promise<string> {
  const names: string[] = [];
  for await (const name of source.tags?.({ ...(signal && { signal }) }) ?? []) {
    if (names.push(name) > 1) return "";
  }
  return names[0] ?? "";
}

/** Before anything is copied, and with the choice that there is. */
async function refuseIndex(
  source: ContentSource,
  reference: string,
  { signal = new AbortController().signal }: CopyOptions,
): Promise<void> {
  const root = await source.resolve(reference, { signal });
  if (kindOf(root.mediaType) !== "index") return;
  const { manifest } = await readManifest(source, root, { signal });
  const platforms = "manifests" in manifest
    ? manifest.manifests.flatMap(({ platform }) =>
      platform === undefined || platform.os === "unknown" ? [] : [formatPlatform(platform)]
    )
    : [];
  throw new InvalidOptionError(
    "Cannot write an index to a docker-archive, which holds one image of it: give one --platform" +
      (platforms.length > 0 ? `; it has ${platforms.join(", ")}` : ""),
  );
}

/** A docker-archive names images in full: with their tags alone they would have no names. */
async function refuseTags(source: ContentSource, { signal }: CopyOptions): Promise<void> {
  for await (const name of source.tags?.({ ...(signal && { signal }) }) ?? []) {
    if (parseReference(name).tag !== undefined) continue;
    throw new InvalidOptionError(
      `Cannot use --all-tags: a docker-archive names images in full, and ${name} is a tag alone; ` +
        "an oci-archive takes it",
    );
  }
}

async function copyMany(
  { source }: OpenedSource,
  { store }: OpenedTarget,
  to: Location,
  { allTags, limit }: CopyFlags,
  options: CopyOptions,
): Promise<Copied> {
  if (isDockerArchive(to)) await refuseTags(source, options);
  const result = await copyTags(source, store, {
    ...options,
    ...(allTags !== undefined && { tags: allTags }),
    ...(limit !== undefined && { limit }),
  });
  if (result.tags.length === 0 && allTags !== "*") {
    throw new ContentNotFoundError(
      `Cannot find a tag like ${JSON.stringify(allTags)} in the source: "*" stands for any ` +
        "characters, and davit ls lists the tags",
    );
  }
  const others = result.tags.filter(({ signaturesApply }) => !signaturesApply).length;
  return {
    result,
    lines: result.tags.map(({ tag, target }) => {
      const place = formatLocation(to, tag);
      return isDockerArchive(to) ? place : `${place}@${target.digest}`;
    }),
    notes: others === 0
      ? []
      : [`new indexes were made for ${count(others, "tag")}: signatures do not apply to them`],
  };
}

/** What the flags ask of a copy. */
export function copyOptions(
  to: Location,
  flags: CopyFlags,
  io: Io,
  progress: Progress | undefined,
): CopyOptions {
  const { platform, sparse, attached, trustExisting, dryRun, concurrency, hash } = flags;
  return {
    attached: attached && !isDockerArchive(to), // which holds images alone
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
  if (to.kind !== "archive") return "interrupted; the next run goes on where this one stopped";
  return to.path === STANDARD
    ? "interrupted; what went to standard output is no whole tar"
    : "interrupted; nothing was left behind";
}

/** What a person wants to know of a copy. */
function summary(result: CopiedContent, { dryRun }: CopyFlags, time: number): string[] {
  const { copied, skipped, mounted, leftOut, attached, bytes } = result;
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
  return lines;
}

function planLine({ digest, mediaType, size }: Descriptor): string {
  const kind = kindOf(mediaType).padEnd(8);
  return `would copy  ${shortDigest(digest)}  ${kind}  ${formatBytes(size).padStart(8)}`;
}
