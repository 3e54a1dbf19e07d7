import type { TestRegistryOptions } from "../test_registry.ts";
import type { GradeOptions } from "./grade.ts";

/** A registry, what it provokes, and what a client should do there to show how it takes it. */
export interface GradeScenario {
  /** Its name. */
  readonly name: string;
  /** What the client should do. */
  readonly task: string;
  /** The registry. */
  readonly registry: TestRegistryOptions;
  /** What it does on purpose. */
  readonly options: GradeOptions;
}

/** Who may do everything in a scenario where the registry asks. */
export const GRADE_USER = { username: "grader", password: "a password of 1.0" } as const;

const LOGIN: TestRegistryOptions = {
  auth: { bearer: { users: { [GRADE_USER.username]: GRADE_USER.password } } },
};

/** In bytes: larger than what scenarios push as configurations, smaller than their layers. */
const CHUNK_MIN_BYTES = 8 * 1024;

const SMALL_PAGES: TestRegistryOptions = { tagPageSize: 2, referrersPageSize: 1 };

function scenario(
  name: string,
  task: string,
  registry: TestRegistryOptions = {},
  ...provoke: NonNullable<GradeOptions["provoke"]>
): GradeScenario {
  return { name, task, registry, options: { provoke } };
}

/**
 * Scenarios that show every duty of a client: one run of the client each.
 *
 * @example
 * ```ts
 * import { grade, GRADE_SCENARIOS } from "@davit/registry-client/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const { registry, options, task } = GRADE_SCENARIOS.find(({ name }) => name === "tags")!;
 * assertEquals(task, "list all tags");
 * assertEquals(typeof grade(registry, options).report, "function");
 * ```
 */
export const GRADE_SCENARIOS: readonly GradeScenario[] = [
  scenario("pull", "pull an image"),
  scenario("pull-corrupt-manifest", "pull an image", {}, "corrupt-manifests"),
  scenario("pull-corrupt-tag", "pull an image", {}, "corrupt-tags"),
  scenario("pull-corrupt-blob", "pull an image", {}, "corrupt-blobs"),
  scenario("pull-cut", "pull an image", {}, "cut-blobs"),
  scenario("pull-redirect", "pull an image", LOGIN, "redirect-blobs"),
  scenario("pull-expire", "pull an image", LOGIN, "expire-tokens"),
  scenario("pull-deny", "pull an image", LOGIN, "deny-tokens"),
  scenario("pull-realm", "pull an image", LOGIN, "foreign-realm"),
  scenario("pull-warnings", "pull an image", {}, "warnings"),
  scenario("pull-rate-limit", "pull an image", {}, "rate-limit"),
  scenario("pull-unavailable", "pull an image", {}, "unavailable"),
  scenario("tags", "list all tags", SMALL_PAGES),
  scenario("tags-opaque", "list all tags", SMALL_PAGES, "opaque-links"),
  scenario("tags-foreign", "list all tags", { ...LOGIN, ...SMALL_PAGES }, "foreign-links"),
  scenario("push", "push an image", {}, "fresh-locations"),
  scenario("push-login", "push an image", LOGIN, "fresh-locations"),
  scenario("push-foreign", "push an image", LOGIN, "foreign-locations"),
  scenario("push-post-202", "push an image", {}, "post-202"),
  scenario(
    "chunks",
    "push a blob in chunks",
    { chunkMinLength: CHUNK_MIN_BYTES },
    "fresh-locations",
  ),
  scenario("chunks-refused", "push a blob in chunks", {}, "refuse-chunks", "fresh-locations"),
  scenario("mount", "copy an image to another repository", {}),
  scenario("mount-202", "copy an image to another repository", {}, "mount-202"),
  scenario("mount-405", "copy an image to another repository", {}, "mount-405"),
  scenario("abandon", "push an image whose layer ends early", {}),
  scenario("retag", "push a manifest under several tags at once", {}, "ignore-tags"),
  scenario("attach", "attach something to an image", {}),
  scenario("referrers", "list what is attached to an image", SMALL_PAGES, "opaque-links"),
  scenario("fallback", "attach to an image that has attachments, list, delete one", {
    referrersApi: false,
  }),
];
