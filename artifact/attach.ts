import { checkArgument } from "../content/check_argument.ts";
import { checkOptions } from "../content/check_options.ts";
import type { Descriptor } from "../content/descriptor.ts";
import type { ContentStore } from "../content/store.ts";
import { pack, PACK_OPTIONS, type PackOptions } from "./pack.ts";
import { resolved } from "../manifest/read_manifest.ts";

/** Options of {@linkcode attach}: what is packed. */
export interface AttachOptions extends Omit<PackOptions, "subject"> {}

const { subject: _subject, ...ATTACH_OPTIONS } = PACK_OPTIONS;

/**
 * Packs an artifact and attaches it to a manifest: a signature, an SBOM, any file. It is
 * then in the list of the subject's referrers, with its type and annotations.
 *
 * @param subject The manifest to attach it to, which need not be there; or a tag or digest that is.
 *
 * @example
 * ```ts
 * import { attach, attached, pack } from "@davit/registry-client/artifact";
 * import { MemoryStore } from "@davit/registry-client/stores";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryStore();
 * await pack(store, { artifactType: "application/vnd.example.thing", tag: "v1" });
 * await attach(store, "v1", {
 *   artifactType: "application/spdx+json",
 *   files: [{ title: "sbom.json", body: "{}", mediaType: "application/spdx+json" }],
 * });
 * for await (const sbom of attached(store, "v1", { artifactType: "application/spdx+json" })) {
 *   assertEquals(new TextDecoder().decode(await sbom.bytes()), "{}");
 * }
 * ```
 *
 * @returns The descriptor of what was attached.
 * @throws {ContentNotFoundError} When a tag or digest names nothing.
 * @throws {InvalidOptionError} When an option cannot be used: see {@linkcode pack}.
 */
export async function attach(
  store: ContentStore,
  subject: Descriptor | string,
  options: AttachOptions,
): Promise<Descriptor> {
  checkArgument("store", store, "store");
  checkArgument("options", options, "options");
  checkOptions(options, ATTACH_OPTIONS);
  const { signal } = options;
  const to = await resolved(store, subject, { ...(signal && { signal }) }, "subject");
  return await pack(store, { ...options, subject: to });
}
