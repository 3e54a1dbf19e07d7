/** A JSON schema, draft 2020-12, of one step's options: frozen. */
export interface InputSchema {
  /** The draft. */
  readonly $schema: "https://json-schema.org/draft/2020-12/schema";
  /** The schema's own name. */
  readonly $id: string;
  /** The options are an object. */
  readonly type: "object";
  /** It has no fields but those of `properties`. */
  readonly additionalProperties: false;
  /** The fields that must be there. */
  readonly required?: readonly string[];
  /** The fields. */
  readonly properties: Readonly<
    Record<string, {
      /** Each is a text. */
      readonly type: "string";
      /** None is empty. */
      readonly minLength: 1;
      /** What it is. */
      readonly description: string;
    }>
  >;
}

const DRAFT = "https://json-schema.org/draft/2020-12/schema";
const ID =
  "https://github.com/chainloop-dev/chainloop/app/controlplane/plugins/core/oci-registry/v1";

function text(description: string): InputSchema["properties"][string] {
  return Object.freeze({ type: "string", minLength: 1, description });
}

/**
 * What {@linkcode register} takes: Chainloop's own schema, which validates it.
 *
 * @example
 * ```ts
 * import { registrationSchema } from "@davit/registry-client/chainloop";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(registrationSchema.required, ["repository", "username", "password"]);
 * ```
 */
export const registrationSchema: InputSchema = Object.freeze({
  $schema: DRAFT,
  $id: `${ID}/registration-request`,
  properties: Object.freeze({
    repository: text("OCI repository uri and path"),
    username: text("OCI repository username"),
    password: text("OCI repository password"),
  }),
  additionalProperties: false,
  type: "object",
  required: Object.freeze(["repository", "username", "password"]),
});

/**
 * What {@linkcode Registration.attach} takes: Chainloop's own schema, which validates it.
 *
 * @example
 * ```ts
 * import { attachmentSchema } from "@davit/registry-client/chainloop";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(Object.keys(attachmentSchema.properties), ["prefix"]);
 * ```
 */
export const attachmentSchema: InputSchema = Object.freeze({
  $schema: DRAFT,
  $id: `${ID}/attachment-request`,
  properties: Object.freeze({
    prefix: text("OCI images name prefix (default chainloop)"),
  }),
  additionalProperties: false,
  type: "object",
});

/** The extension, as Chainloop lists it. */
export const EXTENSION: {
  /** The name that its commands take. */
  readonly id: "oci-registry";
  /** Its version. */
  readonly version: "0.1";
  /** What it does. */
  readonly description: string;
} = Object.freeze({
  id: "oci-registry",
  version: "0.1",
  description: "Send attestations to a compatible OCI repository",
});
