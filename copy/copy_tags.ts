import { checkArgument } from "../content/check_argument.ts";
import { checkOptions, names, type OptionNames } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import type { ContentSource, ContentStore } from "../content/store.ts";
import { InvalidOptionError, InvalidReferenceError, LimitError } from "../errors.ts";
import { isDerivedTag } from "../manifest/derived_tag.ts";
import { parseReference } from "../reference/reference.ts";
import { isTag } from "../reference/tag.ts";
import { Copier } from "./copier.ts";
import { type CopiedContent, COPY_OPTIONS, type CopyOptions } from "./copy_options.ts";
import { onSide } from "./copy_error.ts";
import { copyRoot, onlyPlatform } from "./copy_root.ts";
import { resolveRoot } from "./resolve_root.ts";
import { tagMatcher, type TagPattern } from "./tag_pattern.ts";
import { turns, Work } from "./work.ts";

/** Options of {@linkcode copyTags}. */
export interface CopyTagsOptions extends CopyOptions {
  /** Which tags: a glob, a regular expression or a function. @default {"*"} */
  tags?: TagPattern;
  /** The most tags: with more of them nothing is copied. @default {10000} */
  limit?: number;
}

const COPY_TAGS_OPTIONS: OptionNames<CopyTagsOptions> = names("tags limit", COPY_OPTIONS);

/** A tag that was copied. */
export interface CopiedTag {
  /** The tag, the same in both stores; of a full name in a tar its tag, where the target takes tags alone. */
  tag: string;
  /** What it names in the source. */
  source: Descriptor;
  /** What it names in the target. */
  target: Descriptor;
  /** Whether signatures of the source hold for the target: not where a new index was made. */
  signaturesApply: boolean;
}

/** What {@linkcode copyTags} answers: the content of all tags, each part once, as tags share it. */
export interface CopyTagsResult extends CopiedContent {
  /** The tags, in the order of the source's list. */
  tags: CopiedTag[];
}

/** A repository with more tags is copied when somebody means it. */
const LIMIT = 10_000;

/** For more tags than this the target's are listed, in place of asking for each. */
const LISTED_FROM = 8;

/** So many tags are resolved and copied at once. */
const TAGS_AT_ONCE = 16;

/**
 * Copies many tags of a store, listed once. Signatures and the like, whose tags are made of digests,
 * come with what they are attached to, not as tags of their own. A tag is written once all that it
 * names is there: a copy that ends early may have written some, and the next one goes on.
 *
 * @example
 * ```ts
 * import { copyTags } from "@davit/registry-client/copy";
 * import { pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const here = new MemoryStore();
 * const artifactType = "application/vnd.example.app";
 * for (const tag of ["v1.0", "v1.1", "v2.0"]) await pack(here, { artifactType, tag });
 *
 * const there = new MemoryStore();
 * const { tags } = await copyTags(here, there, { tags: "v1.*" });
 * assertEquals(tags.map(({ tag }) => tag), ["v1.0", "v1.1"]);
 * ```
 *
 * @throws {CopyError} When a store fails: it names the side and the content.
 * @throws {LimitError} When there are more tags than the limit; nothing was copied.
 * @throws {InvalidOptionError} When the source cannot list its tags, or two full names of different
 * images would get one tag.
 */
export async function copyTags(
  source: ContentSource,
  target: ContentStore,
  options: CopyTagsOptions = {},
): Promise<CopyTagsResult> {
  checkOptions(options, COPY_TAGS_OPTIONS);
  checkArgument("source", source, "source");
  checkArgument("target", target, "store");
  const { limit = LIMIT, tags: pattern = "*" } = options;
  const matches = tagMatcher(pattern);
  return await Work.run(options.signal, async (work) => {
    const { signal } = work;
    const all = await onSide("source", "the tags", signal, () => listTags(source, signal));
    const nameOf = (name: string) => target.fullNames ? name : tagIn(name);
    const named = all.map((name) => ({ name, tag: nameOf(name) })).filter(({ name, tag }) =>
      !isDerivedTag(tag) && (matches(name) || (tag !== name && matches(tag)))
    );
    const wanted = await onceEach(source, named, signal);
    if (wanted.length > limit) {
      throw new LimitError(
        `Cannot copy ${wanted.length} tags: that is more than 'limit', ${limit}`,
        { limit: "limit", maximum: limit },
      );
    }
    const copier = new Copier(source, target, options, work, new Set(all));
    const turn = turns(TAGS_AT_ONCE);
    const listed = wanted.length > LISTED_FROM && work.start(() => copier.listTargetTags());
    const roots = await copier.walk.look(async () => {
      const copies = await Promise.all(wanted.map(({ name, tag }) =>
        turn(async () => {
          const root = await resolveRoot(source, name, signal, onlyPlatform(options.platforms));
          await listed;
          return { tag, root, copy: work.start(() => copyRoot(copier, root, [tag], options)) };
        })
      ));
      return copies;
    });
    const tags = await Promise.all(roots.map(async ({ tag, root, copy }) => ({
      tag,
      source: root,
      ...await copy,
    })));
    await work.idle();
    await copier.tagAttached();
    await Promise.all(
      tags.map(({ tag, target }) => work.start(() => turn(() => copier.tag(target, tag)))),
    );
    return { tags, ...copier.content };
  });
}

/** The tag of a full name, such as tars have; a name that is neither is refused by the target. */
function tagIn(name: string): string {
  if (isTag(name)) return name;
  try {
    return parseReference(name).tag ?? name;
  } catch (error) {
    if (error instanceof InvalidReferenceError) return name;
    throw error;
  }
}

interface NamedTag {
  /** What it is called in the source. */
  name: string;
  /** And in the target. */
  tag: string;
}

/** Each tag of the target once: `app:1` and `ghcr.io/you/app:1` must be one image. */
async function onceEach(
  source: ContentSource,
  named: readonly NamedTag[],
  signal: AbortSignal,
): Promise<NamedTag[]> {
  const first = new Map<string, NamedTag>();
  for (const each of named) {
    const { name, tag } = each;
    const before = first.get(tag);
    first.set(tag, before ?? each);
    if (before === undefined) continue;
    const [one, other] = await Promise.all(
      [before.name, name].map((each) => resolveRoot(source, each, signal)),
    );
    if (one!.digest === other!.digest) continue;
    throw new InvalidOptionError(
      `Cannot copy ${before.name} and ${name}: both would get the tag ${tag}; choose with 'tags'`,
    );
  }
  return [...first.values()];
}

/** Every tag of a store, in its order. */
export async function listTags(source: ContentSource, signal: AbortSignal): Promise<string[]> {
  if (source.tags === undefined) {
    throw new InvalidOptionError("Cannot list the tags: the store has no such list");
  }
  const tags: string[] = [];
  for await (const tag of source.tags({ signal })) tags.push(tag);
  return tags;
}
