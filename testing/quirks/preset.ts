import type { BasicAuthOptions, BearerAuthOptions } from "../../server/access/options.ts";
import type { QuirkOptions } from "./options.ts";

/**
 * A registry whose habits are known: how it authenticates, what it lacks, and what it does otherwise
 * than the specification says. From what was documented, seen or reported; nothing was measured on
 * the services themselves.
 *
 * @example Docker Hub deletes nothing, and asks for a token first
 * ```ts
 * import { createTestRegistry } from "@davit/registry-client/testing";
 * import { RegistryClientV2, UnsupportedError } from "@davit/registry-client";
 * import { assertRejects } from "@std/assert";
 *
 * const { fetch } = createTestRegistry({
 *   preset: "dockerHub",
 *   auth: { bearer: { users: { me: "a token" } } },
 * });
 * const client = new RegistryClientV2({ name: "me/app", username: "me", password: "a token", fetch });
 * const { digest } = await client.putBlob(new TextEncoder().encode("hello"));
 * await assertRejects(() => client.deleteBlob({ digest }), UnsupportedError);
 * ```
 */
export type PresetName =
  | "acr"
  | "distribution3"
  | "dockerHub"
  | "dockerRegistry2"
  | "ecr"
  | "ecrPublic"
  | "gar"
  | "ghcr"
  | "gitlab"
  | "harbor"
  | "quay";

/** The habits of a registry. */
export interface Preset {
  /** How it authenticates; without it every client may do anything. */
  auth?: { basic: Pick<BasicAuthOptions, "realm"> } | {
    bearer: Pick<BearerAuthOptions, "realm" | "service">;
  };
  /** What it does otherwise than others. */
  quirks: QuirkOptions;
}
