import type { ContentSource, ContentStore } from "../mod.ts";
import { LayoutStore } from "../stores/mod.ts";
import { type ConnectionFlags, Connections } from "./connections.ts";
import type { Io } from "./io.ts";
import { type Location, parseLocation, referenceOf } from "./location.ts";

/** A place that is read from. */
export interface OpenedSource {
  /** Its content. */
  source: ContentSource;
  /** What is asked of it. */
  reference: string;
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
  switch (location.kind) {
    case "registry":
      return { source: await connections.store(location), reference, close: nothing };
    case "layout":
      return { source: new LayoutStore(location.path), reference, close: nothing };
  }
  throw io;
}

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

/** Opens a place to write to. */
export async function openTarget(
  location: Location,
  connections: Connections,
  io: Io,
  _options: { dryRun?: boolean },
): Promise<OpenedTarget> {
  switch (location.kind) {
    case "registry":
      return { store: await connections.store(location), close: nothing, abort: nothing };
    case "layout":
      return { store: new LayoutStore(location.path), close: nothing, abort: nothing };
  }
  throw io;
}
