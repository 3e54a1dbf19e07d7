import {
  ContentNotFoundError,
  type ContentSource,
  type Descriptor,
  formatPlatform,
  LimitError,
  type Manifest,
  NotFoundError,
  readManifest,
} from "../mod.ts";
import { type AttachedEntry, AttachedFinder } from "../copy/mod.ts";
import { describe } from "../artifact/mod.ts";

/** A manifest and what belongs to it, as `davit inspect --json` prints it. */
export interface InspectedManifest {
  /** What it is: `index`, `image`, `helm-chart`, `cosign-signature` and others; `artifact`. */
  kind: string;
  /** Its media type. */
  mediaType: string;
  /** Its digest. */
  digest: string;
  /** Its own bytes, without what it names. */
  size: number;
  /** The tag that leads to it, of what is attached under one. */
  tag?: string;
  /** The platform that its index gives it. */
  platform?: string;
  /** The manifest that it describes, of an attestation in an index. */
  describes?: string;
  /** The type of the artifact. */
  artifactType?: string;
  /** Its annotations. */
  annotations?: Record<string, string>;
  /** Whether it is named, but not here. */
  missing?: true;
  /** The manifests of an index. */
  manifests?: InspectedManifest[];
  /** The config of an image or artifact. */
  config?: InspectedBlob;
  /** The layers of an image or artifact. */
  layers?: InspectedBlob[];
  /** What is attached to it. */
  attached?: InspectedManifest[];
}

/** A blob. */
export type InspectedBlob = Pick<Descriptor, "mediaType" | "digest" | "size" | "annotations">;

/** How `inspect` goes through a graph. */
export interface InspectOptions {
  /** Whether what is attached is looked for. */
  attached: boolean;
  /** Ends it. */
  signal: AbortSignal;
}

/** More than any image has, with everything that is attached. */
const MAX_MANIFESTS = 10_000;

const ATTESTED = "vnd.docker.reference.digest";

/** Everything that a manifest is made of, and what is attached to any part of it, each once. */
export async function inspect(
  source: ContentSource,
  root: Descriptor,
  { attached, signal }: InspectOptions,
): Promise<InspectedManifest> {
  const seen = new Set<string>();
  const finder = new AttachedFinder(source, signal);
  return await manifest(root);

  async function manifest(descriptor: Descriptor, tag?: string): Promise<InspectedManifest> {
    const { mediaType, digest, size, platform, annotations = {} } = descriptor;
    const node: InspectedManifest = {
      kind: "artifact",
      ...{ mediaType, digest, size },
      ...(tag !== undefined && { tag }),
      ...(platform?.os && platform.os !== "unknown" && { platform: formatPlatform(platform) }),
      ...(annotations[ATTESTED] !== undefined && { describes: annotations[ATTESTED] }),
    };
    seen.add(digest);
    if (seen.size > MAX_MANIFESTS) {
      throw new LimitError(`Cannot inspect ${root.digest}: it leads to too many manifests`, {
        limit: "manifests",
        maximum: MAX_MANIFESTS,
      });
    }
    const parsed = await orMissing(() => readManifest(source, descriptor, { signal }));
    if (parsed === undefined) return { ...node, missing: true };
    Object.assign(node, members(parsed.manifest));
    if ("manifests" in parsed.manifest) {
      const children = parsed.manifest.manifests.filter((child) => !seen.has(child.digest));
      node.manifests = await Promise.all(children.map((child) => manifest(child)));
    }
    const found = attached ? await attachedTo(descriptor) : [];
    if (found.length > 0) node.attached = found;
    return node;
  }

  async function attachedTo(subject: Descriptor): Promise<InspectedManifest[]> {
    const found = new Map<string, AttachedEntry>();
    for (const entry of await finder.find(subject)) { // a referrer that has a tag comes with it last
      const { digest } = entry.descriptor;
      if (!seen.has(digest)) found.set(digest, entry);
    }
    for (const digest of found.keys()) seen.add(digest);
    const entries = [...found.values()];
    return await Promise.all(entries.map(({ descriptor, tag }) => manifest(descriptor, tag)));
  }
}

/** What a manifest says of itself. */
function members(manifest: Manifest): Partial<InspectedManifest> {
  const { kind, artifactType } = describe(manifest);
  const annotations = "annotations" in manifest ? manifest.annotations : undefined;
  const own: Partial<InspectedManifest> = {
    kind,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
  };
  if ("manifests" in manifest) return own;
  return { ...own, config: blob(manifest.config), layers: manifest.layers.map(blob) };
}

function blob({ mediaType, digest, size, annotations }: Descriptor): InspectedBlob {
  return { mediaType, digest, size, ...(annotations && { annotations }) };
}

async function orMissing<T>(get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (error) {
    if (error instanceof ContentNotFoundError || error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** The bytes of everything in a tree, each content once. */
export function totalSize(root: InspectedManifest): number {
  const sizes = new Map<string, number>();
  const add = (node: InspectedManifest) => {
    for (const { digest, size } of [node, node.config, ...(node.layers ?? [])].filter(isThere)) {
      sizes.set(digest, size);
    }
    for (const child of [...(node.manifests ?? []), ...(node.attached ?? [])]) add(child);
  };
  add(root);
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function isThere(node?: InspectedManifest | InspectedBlob): node is InspectedBlob {
  return node !== undefined && !("missing" in node);
}
