/**
 * Chainloop's extension `oci-registry`: sends attestations to an OCI repository, and reads what was
 * sent. Three steps: register a repository, attach it to a workflow, send.
 *
 * @example
 * ```ts
 * import { register } from "@davit/registry-client/chainloop";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry(); // leave it out, and the real registry is asked
 * const registration = await register(
 *   { repository: "ghcr.io/you/attestations", username: "you", password: "a token" },
 *   { fetch },
 * );
 * const attachment = registration.attach({ prefix: "release" });
 * const { artifact } = await attachment.send({
 *   payloadType: "application/vnd.in-toto+json",
 *   payload: btoa("{}"),
 *   signatures: [{ sig: btoa("a signature") }],
 * });
 * assertEquals(artifact.fileName, "attestation.json");
 * assertEquals(await attachment.exists(artifact.digest), true);
 * ```
 *
 * @module
 */
export type { CallOptions } from "../call_options.ts";
export {
  type ArtifactDigest,
  type Attachment,
  type AttachmentRequest,
  type AttachmentState,
  type StoredArtifact,
} from "./attachment.ts";
export { ChainloopError } from "./chainloop_error.ts";
export { type Envelope } from "./envelope.ts";
export {
  openRegistration,
  register,
  type Registration,
  type RegistrationRequest,
  type RegistrationState,
} from "./registration.ts";
export { attachmentSchema, EXTENSION, type InputSchema, registrationSchema } from "./schemas.ts";
export { type ChainloopOptions } from "./target.ts";
