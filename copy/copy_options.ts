import { names, type OptionNames } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import type { CopyEvent } from "../events.ts";

/** Options of {@linkcode copy} and {@linkcode copyTags}. */
export interface CopyOptions {
  /**
   * Whether what is attached comes along, to any depth: referrers, and what tools keep under the tags
   * `sha256-….sig`, `.att` and `.sbom`.
   * @default {true}
   */
  attached?: boolean;
  /**
   * Which platforms of an index to copy. One, such as `linux/arm64`, is chosen as containerd does it,
   * and the copy is that image itself; several make a new index, which has a digest of its own.
   * What is no index is copied as it is.
   * @default {"all"}
   */
  platforms?: string | readonly string[];
  /**
   * Keeps the index as it is where `platforms` chooses several: its digest and signatures stay, and
   * the other platforms are missing. Registries may refuse that.
   * @default {false}
   */
  sparse?: boolean;
  /**
   * Takes it that a manifest which the target has is whole. Without it what it needs is looked for
   * too, so that a broken target is repaired.
   * @default {false}
   */
  trustExisting?: boolean;
  /** Says what would be copied, and writes nothing. @default {false} */
  dryRun?: boolean;
  /** The most blobs that move at once. @default {6} */
  concurrency?: number;
  /**
   * Who checks a blob's digest: `"target"`, the registry that it goes to, so that it is handed over
   * unhashed; or `"here"`, this process, while the bytes pass. Manifests are verified here, and stores
   * such as folders verify what they take, whatever this says.
   * @default {"target"}
   */
  verify?: "here" | "target";
  /** The deepest that indexes, and what is attached to what is attached, may lead. @default {100} */
  maxDepth?: number;
  /** The most manifests that one copy follows. @default {100000} */
  maxManifests?: number;
  /** Receives what happens. What it throws is ignored. */
  onEvent?: (event: CopyEvent) => void;
  /** Called before a manifest or blob moves; what it throws ends the copy. */
  beforeCopy?: (descriptor: Descriptor) => void | Promise<void>;
  /** Called when a manifest or blob has moved; what it throws ends the copy. */
  afterCopy?: (descriptor: Descriptor) => void | Promise<void>;
  /** Ends the copy with the signal's reason; the next one goes on where it was. */
  signal?: AbortSignal;
}

/** Their names. */
export const COPY_OPTIONS: OptionNames<CopyOptions> = names(
  "platforms concurrency verify maxDepth maxManifests signal",
  { attached: "a boolean", sparse: "a boolean", trustExisting: "a boolean", dryRun: "a boolean" },
  { onEvent: "a function", beforeCopy: "a function", afterCopy: "a function" },
);

/** Something attached that a copy carried. */
export interface CopiedAttached {
  /** The manifest that is attached. */
  descriptor: Descriptor;
  /** The digest of what it is attached to. */
  subject: string;
  /** The tag that leads to it, where there is one. */
  tag?: string;
}

/** What came of the content of a copy. */
export interface CopiedContent {
  /** What moved; with `dryRun`, what would. */
  copied: Descriptor[];
  /** What the target had already. */
  skipped: Descriptor[];
  /** What the target took from another repository by itself. */
  mounted: Descriptor[];
  /**
   * What did not come along: foreign layers and attestations of a platform that the source
   * lacks, platforms not asked for, what is attached in a format that is not known here.
   */
  leftOut: Descriptor[];
  /** What was attached, and came along. */
  attached: CopiedAttached[];
  /** The bytes that moved. */
  bytes: number;
}

/** What {@linkcode copy} answers. */
export interface CopyResult extends CopiedContent {
  /** What the reference named in the source. */
  source: Descriptor;
  /** What the references name in the target. */
  target: Descriptor;
  /** The target's references. */
  references: string[];
  /** Whether signatures of the source hold for the target: not where a new index was made. */
  signaturesApply: boolean;
}
