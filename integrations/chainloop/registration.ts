import { cancelBlobUpload, sessionOf, uploadRequest } from "../../endpoints/uploads.ts";
import { sendExpecting } from "../../transport/expect.ts";
import type { CallOptions } from "../call_options.ts";
import { type Attachment, type AttachmentRequest, openAttachment } from "./attachment.ts";
import { ChainloopError } from "./chainloop_error.ts";
import { checkRequest } from "./check_request.ts";
import { attachmentSchema, registrationSchema } from "./schemas.ts";
import { type ChainloopOptions, openTarget, type Target } from "./target.ts";

/** What {@linkcode register} takes; `registrationSchema` validates it. */
export interface RegistrationRequest {
  /** Host and path, without a scheme: `ghcr.io/you/attestations`, `index.docker.io/you`. */
  repository: string;
  /** The user. */
  username: string;
  /** The password or access token. */
  password: string;
}

/** What is kept of a registration between the steps, by the caller: no secret is in it. */
export interface RegistrationState {
  /** The repository, as it was registered. */
  repository: string;
}

/** A repository with credentials that can write to it. */
export interface Registration {
  /** What to keep for {@linkcode openRegistration}. */
  readonly state: RegistrationState;
  /**
   * A workflow's own place in the repository. Nothing is sent.
   *
   * @throws {ChainloopError} `invalid attachment request: …` (INVALID_REQUEST).
   */
  attach(request?: AttachmentRequest): Attachment;
}

/**
 * Registers a repository: validates the request, then proves the credentials by starting an upload
 * under `REPOSITORY/chainloop-test`, or to the repository itself where `layout` is `"tag"`. It is
 * given up at once. The `signal` ends this call alone.
 *
 * @throws {ChainloopError} `invalid registration request: …` naming the field (INVALID_REQUEST) ·
 * `the provided credentials are invalid` for a repository that cannot be parsed or has a scheme
 * (INVALID_CREDENTIALS) · `the provided credentials don't have write permissions` for any failure of
 * the check, whose `cause` says which, a network's too (NO_WRITE_PERMISSION).
 * @throws {InvalidOptionError} When an option cannot be used.
 *
 * @example
 * ```ts
 * import { register } from "@davit/registry-client/chainloop";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertRejects } from "@std/assert";
 *
 * const { fetch } = createRegistry({ auth: { basic: { users: { you: "a token" } } } });
 * const request = { repository: "ghcr.io/you/attestations", username: "you", password: "a token" };
 * await register(request, { fetch });
 *
 * await assertRejects(
 *   () => register({ ...request, password: "another one" }, { fetch }),
 *   Error,
 *   "the provided credentials don't have write permissions",
 * );
 * ```
 */
export async function register(
  request: RegistrationRequest,
  options: ChainloopOptions = {},
): Promise<Registration> {
  const { signal } = options;
  const { repository, username, password } = checkRequest(
    registrationSchema,
    request,
    "registration",
  );
  const target = openTarget(repository, { username, password }, options);
  await checkWrite(target, signal && { signal });
  return registrationAt(repository, target);
}

/**
 * A registration that was kept: there is no check, and nothing is sent. The `signal` ends every call
 * of what is made of it.
 *
 * @throws {ChainloopError} As {@linkcode register}'s first two.
 * @throws {InvalidOptionError} When an option cannot be used.
 *
 * @example
 * ```ts
 * import { openRegistration } from "@davit/registry-client/chainloop";
 * import { createRegistry } from "@davit/registry-client/server";
 * import { assertEquals } from "@std/assert";
 *
 * const { fetch } = createRegistry();
 * const state = { repository: "ghcr.io/you/attestations" };
 * const credentials = { username: "you", password: "a token" };
 * const attachment = openRegistration(state, credentials, { fetch }).attach({ prefix: "release" });
 * assertEquals(attachment.state, { prefix: "release" });
 * ```
 */
export function openRegistration(
  state: RegistrationState,
  credentials: { username: string; password: string },
  options: ChainloopOptions = {},
): Registration {
  const { repository, username, password } = checkRequest(
    registrationSchema,
    {
      repository: state?.repository,
      username: credentials?.username,
      password: credentials?.password,
    },
    "registration",
  );
  const target = openTarget(repository, { username, password }, options);
  return registrationAt(repository, target, options.signal);
}

function registrationAt(
  repository: string,
  target: Target,
  signal?: AbortSignal,
): Registration {
  return {
    state: Object.freeze({ repository }),
    attach(request = {}) {
      const { prefix = "chainloop" } = checkRequest(attachmentSchema, request, "attachment");
      return openAttachment(target, prefix, signal);
    },
  };
}

/** Starts an upload, and gives it up. */
async function checkWrite({ channel, checked }: Target, options: CallOptions = {}): Promise<void> {
  const request = uploadRequest(channel, checked, {}, options);
  try {
    const answer = await sendExpecting(channel, request, [201, 202]);
    const giveUp = async () => {
      const session = await sessionOf(channel, request, answer);
      await cancelBlobUpload(channel, checked, session, options);
    };
    await giveUp().catch(() => {}); // an upload that stays is let go of by the registry
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new ChainloopError("the provided credentials don't have write permissions", {
      code: "NO_WRITE_PERMISSION",
      cause,
    });
  }
}
