import { stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Bytes,
  ContentNotFoundError,
  type ContentSource,
  type ContentStore,
  InvalidOptionError,
} from "../mod.ts";
import { createArchive, LayoutStore, MemoryStore, openArchive } from "../stores/mod.ts";
import { type ConnectionFlags, Connections } from "./connections.ts";
import type { Io, Output } from "./io.ts";
import { type Location, parseLocation, referenceOf, STANDARD } from "./location.ts";

/** A place that is read from. */
export interface OpenedSource {
  /** Its content. */
  source: ContentSource;
  /** What is asked of it. */
  reference: string;
  /** Digests of manifests that a tar does not have, and that were made of what it has. */
  madeManifests?: ReadonlySet<string>;
  /** Lets go of it. */
  close(): Promise<void>;
}

/** A place that is written to. */
export interface OpenedTarget {
  /** Where content goes. */
  store: ContentStore;
  /** Publishes what was written, where that is not done by the way. */
  close(): Promise<void>;
  /** Leaves nothing behind, where that can be. */
  abort(reason: unknown): Promise<void>;
}

const nothing = () => Promise.resolve();

/** Opens a place to read from. */
export async function openSource(
  location: Location,
  connections: Connections,
  io: Io,
): Promise<OpenedSource> {
  const reference = referenceOf(location);
  if (location.kind === "registry") {
    return { source: await connections.store(location), reference, close: nothing };
  }
  const { path } = location;
  if (location.kind === "layout") {
    await checkLayout(path);
    return { source: new LayoutStore(path), reference, close: nothing };
  }
  if (path === STANDARD && io.stdinIsTerminal) {
    throw new InvalidOptionError("Cannot read a tar from a terminal: davit … - < FILE reads one");
  }
  const { format } = location;
  const archive = await openArchive(path === STANDARD ? io.stdin() : path, {
    signal: io.signal,
    ...(format && { format }),
  });
  return {
    source: archive,
    reference,
    madeManifests: archive.madeManifests,
    close: () => archive.close(),
  };
}

/** A store takes a folder that is not there for an empty one, as it may be written to. */
async function checkLayout(path: string): Promise<void> {
  const missing = async (name: string) =>
    await stat(join(path, name)).then(() => false, ({ code }) => MISSING.includes(code));
  const there = await stat(path).catch(({ code }) => MISSING.includes(code) ? undefined : null);
  if (there === null) return; // the store says why
  const state = there === undefined
    ? "there is no such folder"
    : !there.isDirectory()
    ? "it is not a folder"
    : await missing("oci-layout") && await missing("index.json")
    ? "it is no OCI layout: it has no index.json"
    : undefined;
  if (state !== undefined) throw new ContentNotFoundError(`Cannot open ${path}: ${state}`);
}

/** What says that nothing has a path. */
const MISSING = ["ENOENT", "ENOTDIR"];

/** Opens the place that an argument names, does something with it, and lets go of it. */
export async function withSource(
  text: string,
  flags: ConnectionFlags,
  io: Io,
  use: (opened: OpenedSource & { location: Location }) => Promise<void>,
): Promise<void> {
  const location = parseLocation(text);
  const connections = new Connections(flags, io);
  try {
    const opened = await openSource(location, connections, io);
    try {
      await use({ ...opened, location });
    } finally {
      await opened.close();
    }
  } finally {
    connections.close();
  }
}

/** Opens a place to write to. A dry run makes no tar: there is nothing in a new one. */
export async function openTarget(
  location: Location,
  connections: Connections,
  io: Io,
  { dryRun = false }: { dryRun?: boolean },
): Promise<OpenedTarget> {
  if (location.kind === "registry") {
    return { store: await connections.store(location), close: nothing, abort: nothing };
  }
  const { path } = location;
  if (location.kind === "layout") {
    return { store: new LayoutStore(path), close: nothing, abort: nothing };
  }
  if (path === STANDARD && io.stdout.isTerminal) {
    throw new InvalidOptionError("Cannot write a tar to a terminal: davit … - > FILE keeps it");
  }
  if (dryRun) {
    const store = Object.assign(new MemoryStore(), { fullNames: true });
    return { store, close: nothing, abort: nothing };
  }
  const archive = await createArchive(path === STANDARD ? streamTo(io.stdout) : path, {
    format: location.format ?? "oci",
  });
  return {
    store: archive,
    close: () => archive.close(),
    abort: (reason) => archive.abort(reason),
  };
}

function streamTo(output: Output): WritableStream<Bytes> {
  return new WritableStream({ write: (bytes) => output.write(bytes) });
}
